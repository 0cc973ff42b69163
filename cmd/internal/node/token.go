package node

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	tokenFile  = "api.token"
	tokenBytes = 32
	// maxTokenFile is more than any file of tokens has.
	maxTokenFile = 1 << 20
)

// ReadToken returns the token of a data directory's node, which allows everything, empty where there
// is none.
func ReadToken(dir string) (string, error) {
	text, err := readPrivate(filepath.Join(dir, tokenFile))
	return strings.TrimSpace(string(text)), err
}

// EnsureToken returns the token of a data directory's node, and makes it where there is none. A node
// that runs takes it from then on.
func EnsureToken(dir string) (token string, err error) {
	err = changeTokens(dir, func() error {
		token, err = ReadToken(dir)
		if err != nil || token != "" {
			return err
		}
		token = newToken()
		return replaceFile(filepath.Join(dir, tokenFile), []byte(token+"\n"), 0o600)
	})
	return token, err
}

// TokenPath returns the file of a data directory's own token.
func TokenPath(dir string) string { return filepath.Join(dir, tokenFile) }

// newToken returns a token that nobody can guess.
func newToken() string {
	var random [tokenBytes]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	return hex.EncodeToString(random[:])
}

// readPrivate reads a small file that only its owner may read or write: what others may have read is
// no secret, and what they may have written not ours. A file that is not there is empty.
func readPrivate(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: %w", path, ErrDirectory)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has mode %04o, so others may know its tokens or have changed them; if not, chmod 600 it: %w", path, mode, ErrDirectory)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if err == nil && len(text) > maxTokenFile {
		err = errors.New("too large")
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w: %w", path, err, ErrDirectory)
	}
	return text, nil
}

// lockPatience is how long a change of the tokens waits for another one.
const lockPatience = 5 * time.Second

// changeTokens makes a change while nobody else does.
func changeTokens(dir string, change func() error) error {
	if err := makeDirectory(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, tokensFile+".lock")
	lock, err := vfs.Default.Lock(path)
	for begun := time.Now(); err != nil && time.Since(begun) < lockPatience; lock, err = vfs.Default.Lock(path) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return &lockedError{dir, err}
	}
	return errors.Join(change(), lock.Close())
}
