package node

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// finish lets the new store take the place of the damaged one.
func (r *repair) finish() error {
	name := r.node.cfg.Now().Format(damagedFormat)
	for n := 2; exists(filepath.Join(r.node.cfg.Dir, name)); n++ {
		name = fmt.Sprintf("%s-%d", r.node.cfg.Now().Format(damagedFormat), n)
	}
	if err := writeMark(r.node.fileSystem(), r.work, name); err != nil {
		return err
	}
	r.done.Aside = filepath.Join(r.node.cfg.Dir, name)
	return r.node.finishRepair()
}

// writeMark writes down the name under which the old store is set aside. It is there as a whole or not.
func writeMark(fsys vfs.FS, work, name string) error {
	path := filepath.Join(work, repairMark)
	f, err := fsys.Create(path+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, name)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = fsys.Rename(path+".new", path)
	}
	if err == nil {
		err = syncNames(fsys, work)
	}
	if err == nil {
		err = syncNames(fsys, filepath.Dir(work)) // the folder itself is new
	}
	return err
}

// finishRepair does what is left to do of a repair whose new store is whole, and nothing where there is
// none. It can be repeated after a crash at any moment.
func (n *Node) finishRepair() error {
	fsys, dir := n.fileSystem(), n.cfg.Dir
	work := filepath.Join(dir, repairFolder)
	name, err := readMark(fsys, work)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && exists(filepath.Join(work, storeFolder)) {
		err = changePlaces(fsys, dir, filepath.Base(name))
	}
	for _, done := range []string{filepath.Join(dir, suspectFile), work} {
		if err == nil {
			err = fsys.RemoveAll(done)
		}
	}
	if err != nil {
		return fmt.Errorf("putting the repaired store in its place: %w: %w", err, ErrDirectory)
	}
	return nil
}

// changePlaces sets the damaged store aside and puts the new one in its place. The names are made durable
// one by one, so no crash can leave the second change without the first.
func changePlaces(fsys vfs.FS, dir, name string) error {
	old, aside := filepath.Join(dir, storeFolder), filepath.Join(dir, name)
	work := filepath.Join(dir, repairFolder)
	if exists(old) && !exists(aside) {
		if err := fsys.Rename(old, aside); err != nil {
			return err
		}
		if err := syncNames(fsys, dir); err != nil {
			return err
		}
	}
	if err := fsys.Rename(filepath.Join(work, storeFolder), old); err != nil {
		return err
	}
	if err := syncNames(fsys, dir); err != nil {
		return err
	}
	return syncNames(fsys, work)
}

// readMark returns the name under which the damaged store is set aside.
func readMark(fsys vfs.FS, work string) (string, error) {
	f, err := fsys.Open(filepath.Join(work, repairMark))
	if err != nil {
		return "", err
	}
	name, err := io.ReadAll(f)
	return string(name), errors.Join(err, f.Close())
}

// syncNames makes the names in a folder durable; where the system cannot, the file system does nothing.
func syncNames(fsys vfs.FS, dir string) error {
	f, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
