package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/store"
)

var (
	// ErrDirectory means that the data directory cannot be made, read or written.
	ErrDirectory = errors.New("data directory cannot be used")
	// ErrNoAddress means that no node runs in a data directory.
	ErrNoAddress = errors.New("no node runs here")
)

const (
	addressFile  = "api.json"
	identityFile = "identity.key"
	storeFolder  = "store"
)

// An Address is what a running node leaves in its data directory for the commands that talk to it.
type Address struct {
	URL     string    `json:"url"` // of the API
	PID     int       `json:"pid"`
	ID      string    `json:"id"` // peer id
	Network string    `json:"network"`
	Started time.Time `json:"started"`
	Cert    string    `json:"cert,omitempty"` // the file of the API's certificate, where it has one
}

// ReadAddress returns where the API of the node in a data directory is; ErrNoAddress if there is no
// running node. After a kill the file may be stale, so its node need not answer.
func ReadAddress(dir string) (Address, error) {
	path := filepath.Join(dir, addressFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Address{}, fmt.Errorf("%s: %w", dir, ErrNoAddress)
	}
	if err != nil {
		return Address{}, fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	var a Address
	if err := json.Unmarshal(text, &a); err != nil || a.URL == "" {
		return Address{}, fmt.Errorf("%s is not the address of a node: %w", path, ErrNoAddress)
	}
	return a, nil
}

// writeAddress leaves the address file. Only its owner may read it, as all in the directory.
func writeAddress(dir string, a Address) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, addressFile), append(text, '\n'), 0o600)
}

// removeAddress takes the address file back.
func removeAddress(dir string) error {
	err := os.Remove(filepath.Join(dir, addressFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// makeDirectory makes sure that the data directory is there and can be written.
func makeDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	probe, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// Lock locks a file, which is made where it is missing, until it is closed or the process ends. An error
// says that another process has it, or that it cannot be made.
func Lock(path string) (io.Closer, error) { return vfs.Default.Lock(path) }

// setAside renames an old store, so that nothing of it is lost. Nodes of another network than the new
// one are of no use any more, so their addresses go aside, too.
func setAside(dir string, next *core.Network, now time.Time) (string, error) {
	old := filepath.Join(dir, storeFolder)
	if _, err := os.Stat(old); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	suffix := now.Format("_2006-01-02_150405")
	if was, err := keptNetwork(dir); err == nil && was != nil && was.Genesis != next.Genesis {
		seeds := filepath.Join(dir, seedsFile)
		if err := os.Rename(seeds, seeds+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("setting the old addresses aside: %w: %w", err, ErrDirectory)
		}
	}
	kept := old + suffix
	if err := os.Rename(old, kept); err != nil {
		return "", fmt.Errorf("setting the old chain aside: %w: %w", err, ErrDirectory)
	}
	if err := os.Remove(filepath.Join(dir, networkFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("setting the old chain aside: %w: %w", err, ErrDirectory)
	}
	return kept, syncNames(vfs.Default, dir)
}

// A lockedError says that another process has a data directory; to errors.Is it is store.ErrLocked.
type lockedError struct {
	dir   string
	cause error
}

// Error names the directory. What the system says of the lock is left to Unwrap where it only means
// that somebody has it.
func (e *lockedError) Error() string {
	text := "another p2pchain process uses the folder " + e.dir
	if errors.Is(e.cause, syscall.EAGAIN) {
		return text
	}
	return fmt.Sprintf("%s (%v)", text, e.cause)
}

func (e *lockedError) Unwrap() error        { return e.cause }
func (e *lockedError) Is(target error) bool { return target == store.ErrLocked }

// replaceFile writes a small file so that a reader, or the next start after a crash, sees either
// the old or the new one in full.
func replaceFile(path string, text []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrDirectory)
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncNames(vfs.Default, filepath.Dir(path)) // else a crash may take the new name back
}
