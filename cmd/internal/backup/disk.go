package backup

import (
	"errors"
	"io"
	"os"
	"path/filepath"
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
