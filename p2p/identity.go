package p2p

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/libp2p/go-libp2p/core/crypto"
)

var (
	// ErrIdentity means that the identity file cannot be read or written, or holds no Ed25519 key.
	ErrIdentity = errors.New("identity file cannot be used")
	// ErrIdentityMode means that others than its owner may read the identity file.
	ErrIdentityMode = errors.New("identity file is open to others")
)

const (
	pemType         = "PRIVATE KEY" // PKCS #8, as openssl writes it
	maxIdentityFile = 4 << 10
)

// LoadIdentity reads the Ed25519 key of a node: its peer id, and what its messages are signed with.
// A missing file is made, with a new key and mode 0600, so that after a crash it is either there in
// full or not at all. Errors wrap ErrIdentity or ErrIdentityMode.
func LoadIdentity(path string) (crypto.PrivKey, error) {
	key, err := readIdentity(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createIdentity(path); err == nil {
			key, err = readIdentity(path) // another process may have been faster
		}
	}
	if err != nil {
		return nil, err
	}
	private, err := crypto.UnmarshalEd25519PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrIdentity, err)
	}
	return private, nil
}

func readIdentity(path string) (ed25519.PrivateKey, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	defer file.Close()
	if err := checkMode(file); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxIdentityFile))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	key, err := parseIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrIdentity, err)
	}
	return key, nil
}

// checkMode refuses a file that others may have read or changed already. Windows has no such modes.
func checkMode(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: %w", file.Name(), ErrIdentity)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s has mode %04o, so its key may be known to others; if it is not, chmod 600 it: %w",
			file.Name(), mode, ErrIdentityMode)
	}
	return nil
}

// parseIdentity reads one PEM block with a PKCS #8 Ed25519 key and nothing else.
func parseIdentity(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return nil, errors.New("not one PEM block with a private key")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key of type %T, want Ed25519", parsed)
	}
	return key, nil
}

// createIdentity writes a new key. The link puts a finished file under its name, and fails where
// there is one meanwhile, which then counts.
func createIdentity(path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".identity-*") // has mode 0600
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	defer os.Remove(file.Name())
	err = pem.Encode(file, &pem.Block{Type: pemType, Bytes: der})
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	err = os.Link(file.Name(), path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(file.Name(), path) // some file systems have no links
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes a new name in a directory survive a power loss. Windows does it by itself.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return nil
}
