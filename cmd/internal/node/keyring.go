package node

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"p2pchain/api"
)

// A keyring knows which tokens count at this moment: it looks at the files with every question, and
// reads one again that has changed. What cannot be read, or could have been written by others, counts
// for nothing. It is safe for concurrent use.
type keyring struct {
	dir string
	log *slog.Logger

	mu         sync.Mutex // guards all below
	own, named keyFile
}

// A keyFile is what was read of a file.
type keyFile struct {
	info fs.FileInfo // nil: there was none
	keys map[[sha256.Size]byte]api.Scope
}

func newKeyring(dir string, log *slog.Logger) *keyring { return &keyring{dir: dir, log: log} }

// scope returns what the token with this hash allows.
func (k *keyring) scope(sum [sha256.Size]byte) (api.Scope, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refresh(&k.own, tokenFile, k.readOwn)
	k.refresh(&k.named, tokensFile, k.readNamed)
	if scope, ok := k.own.keys[sum]; ok {
		return scope, true
	}
	scope, ok := k.named.keys[sum]
	return scope, ok
}

// refresh reads a file again if it is not the one that was read.
func (k *keyring) refresh(file *keyFile, name string, read func() (map[[sha256.Size]byte]api.Scope, error)) {
	info, err := os.Stat(filepath.Join(k.dir, name))
	if err != nil {
		*file = keyFile{}
		return
	}
	if file.info != nil && sameFile(file.info, info) {
		return
	}
	keys, err := read()
	if err != nil {
		k.log.Error("tokens do not count", "file", name, "err", err)
		keys = nil
		if _, system := errors.AsType[*fs.PathError](err); system {
			info = nil // perhaps only for now, as with too many open files: it is read again
		}
	}
	*file = keyFile{info, keys}
}

// sameFile reports whether a file is as it was. Files of tokens are replaced, so a change is another
// file; editors that write into one change its time or size.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

func (k *keyring) readOwn() (map[[sha256.Size]byte]api.Scope, error) {
	token, err := ReadToken(k.dir)
	if err != nil || token == "" {
		return nil, err
	}
	return map[[sha256.Size]byte]api.Scope{sha256.Sum256([]byte(token)): api.ScopeAdmin}, nil
}

func (k *keyring) readNamed() (map[[sha256.Size]byte]api.Scope, error) {
	list, err := Tokens(k.dir)
	if err != nil {
		return nil, err
	}
	keys := make(map[[sha256.Size]byte]api.Scope, len(list))
	for _, t := range list {
		var sum [sha256.Size]byte
		if _, err := hex.Decode(sum[:], []byte(t.SHA256)); err != nil {
			return nil, err
		}
		keys[sum] = t.Scope
	}
	return keys, nil
}
