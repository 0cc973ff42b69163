package bench

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"p2pchain/core/store"
)

// ErrFolder means that there is no place to measure in the data directory.
var ErrFolder = errors.New("no place to measure in the data directory")

// folderName is no name that a node of the same data directory can have.
const folderName = ".bench"

// A folder is where a run works. It is locked, so what another run left behind by a kill is known by its
// being open to all, and is removed by the next one.
type folder struct {
	path string
	made []string // folders that were not there before, the outermost first
	lock io.Closer
}

// openFolder makes the folder, and the data directory where that is missing; ErrFolder.
func openFolder(dir string) (*folder, error) {
	f := &folder{path: filepath.Join(dir, folderName)}
	for at := f.path; ; at = filepath.Dir(at) {
		_, err := os.Lstat(at)
		if err == nil || at == filepath.Dir(at) {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %w", ErrFolder, err)
		}
		f.made = append([]string{at}, f.made...)
	}
	err := os.MkdirAll(f.path, 0o700)
	if err == nil {
		f.lock, err = store.Lock(f.path, store.Options{})
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrFolder, err), f.removeMade())
	}
	if err := os.RemoveAll(f.store()); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: removing what an earlier run left: %w", ErrFolder, err), f.remove())
	}
	return f, nil
}

// store returns where the store goes.
func (f *folder) store() string { return filepath.Join(f.path, "store") }

// remove takes everything away, the data directory too where that was made for this.
func (f *folder) remove() error {
	err := os.RemoveAll(f.store())
	err = errors.Join(err, f.lock.Close(), os.RemoveAll(f.path))
	return errors.Join(err, f.removeMade())
}

// removeMade removes the folders that were made, as far as nobody else has put something into them.
func (f *folder) removeMade() error {
	for i := len(f.made) - 1; i >= 0; i-- {
		err := os.Remove(f.made[i])
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if entries, look := os.ReadDir(f.made[i]); look == nil && len(entries) > 0 {
			return nil // a node started here meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}
