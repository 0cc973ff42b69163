package notary

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrExists means that a file is there already and holds something else.
var ErrExists = errors.New("exists and holds another list")

// Keep writes a file, which appears under its name whole, durable and at once, or not at all. One that is
// there stays as it is: if it holds the same bytes that is all right, else it is ErrExists.
func Keep(path string, write func(io.Writer) error) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.Remove(tmp.Name()); !errors.Is(removeErr, fs.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}()
	if err := errors.Join(write(tmp), tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	// A link fails where the name is taken, which a rename would not.
	err = os.Link(tmp.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		return sameContent(tmp.Name(), path)
	}
	if err != nil { // a file system without links
		if _, statErr := os.Lstat(path); statErr == nil {
			return sameContent(tmp.Name(), path)
		}
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names of a directory durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return nil // a directory that may be written but not read
	}
	_ = d.Sync() // Windows cannot
	return d.Close()
}

// sameContent returns ErrExists unless two files hold the same.
func sameContent(made, there string) error {
	if info, err := os.Lstat(there); err != nil || !info.Mode().IsRegular() {
		return errors.Join(fmt.Errorf("%s %w", there, ErrExists), err)
	}
	a, err := os.Open(made)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(there)
	if err != nil {
		return err
	}
	defer b.Close()
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return fmt.Errorf("%s %w", there, ErrExists)
		}
		if errA != nil || errB != nil {
			return ended(errA, errB)
		}
	}
}

// ended drops the errors that mean that both files ended.
func ended(errs ...error) error {
	var out error
	for _, err := range errs {
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			out = errors.Join(out, err)
		}
	}
	return out
}

// Inside reports whether a file that may not be there yet lies in a directory or below it.
func Inside(dir, file string) (bool, error) {
	whole, err := resolved(dir)
	if err != nil {
		return false, err
	}
	at, err := resolved(filepath.Dir(file))
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(whole, at)
	if err != nil {
		return false, nil // on another volume
	}
	return rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// resolved returns an absolute path without symbolic links.
func resolved(path string) (string, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(whole)
}
