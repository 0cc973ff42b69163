package backup

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// A disk is where the files are, by their whole paths; it is osDisk but for tests.
type disk interface {
	// Open opens a file to read and write, and makes it where it is missing.
	Open(path string) (file, error)
	// Create makes a file, or empties it.
	Create(path string) (file, error)
	Read(path string) ([]byte, error)
	Rename(from, to string) error
	Exists(path string) bool
	// List returns the names in a folder.
	List(dir string) ([]string, error)
	// Remove removes a file, if it is there.
	Remove(path string) error
	// SyncDir makes the names in a folder durable, where the system can.
	SyncDir(dir string) error
}

// A file is an open file without a position.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	Size() (int64, error)
}

type osDisk struct{}

func (osDisk) Open(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	return osFile{f}, err
}

func (osDisk) Create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	return osFile{f}, err
}

func (osDisk) Read(path string) ([]byte, error) { return os.ReadFile(path) }
func (osDisk) Rename(from, to string) error     { return os.Rename(from, to) }

func (osDisk) Exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (osDisk) Remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (osDisk) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it cannot, and need not
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// replace writes a small file so that a reader, or the next start after a kill, sees either the old
// or the new one in full. A kill may leave the temporary one, which the next call takes over.
func replace(d disk, path string, text []byte) error {
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	f, err := d.Create(temporary)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return d.Rename(temporary, path)
}
