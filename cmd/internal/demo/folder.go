package demo

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"p2pchain/cmd/internal/node"
)

const (
	// folderPrefix begins the names of the folders of demos.
	folderPrefix = "p2pchain-demo-"
	// folderLock is a file that says whose end removes a folder: it is locked as long as that process lives.
	folderLock = "lock"
	// folderTries bounds how often a folder is made that somebody else takes for a dead demo's.
	folderTries = 10
)

// A Folder is where the nodes of one demo have their data.
type Folder struct {
	Path string
	lock io.Closer // nil: to be kept
}

// MakeFolder makes a folder for a demo in another one, as that for temporary files, and removes those of
// demos that were killed. One that is to be kept is never removed.
func MakeFolder(in string, keep bool) (*Folder, error) {
	if err := removeDead(in); err != nil {
		return nil, err
	}
	for range folderTries {
		path, err := os.MkdirTemp(in, folderPrefix)
		if err != nil {
			return nil, err
		}
		if keep {
			return &Folder{Path: path}, nil
		}
		// A demo that starts now may find the lock before it is held, and remove the folder.
		if lock, err := lockFolder(path); err == nil {
			return &Folder{path, lock}, nil
		}
	}
	return nil, fmt.Errorf("no folder of %s could be locked", in)
}

// Close removes the folder, unless it is to be kept.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	// Not all systems remove what is open.
	return errors.Join(f.lock.Close(), os.RemoveAll(f.Path))
}

// removeDead removes the folders of demos whose process is gone. Those of other users, and those that are
// to be kept, are left alone.
func removeDead(in string) error {
	names, err := filepath.Glob(filepath.Join(in, folderPrefix+"*", folderLock))
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Dir(name)
		lock, err := lockFolder(path)
		if err != nil {
			continue // its demo lives, or it is somebody else's
		}
		if err := errors.Join(lock.Close(), os.RemoveAll(path)); err != nil {
			return fmt.Errorf("removing what a demo that was killed has left: %w", err)
		}
	}
	return nil
}

// lockFolder takes the lock of a folder, and makes sure that it is still that of the folder.
func lockFolder(path string) (io.Closer, error) {
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder any more", path)
	}
	name := filepath.Join(path, folderLock)
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name) // locking empties what a link points to
	}
	lock, err := node.Lock(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(name); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}
