package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
)

// A Copy is the store as of one moment, in a directory of its own whose large files are hard links. It is
// there until Close.
type Copy struct {
	Dir    string
	Tip    core.Hash
	Height uint64
	store  *Store
}

// copyInfix is in the name of a copy's directory. What goes wrong in there is not the store's fault.
const copyInfix = ".copy-"

// Copy makes a copy of a store that is in use, beside it. It holds up nobody but for an fsync, and all that
// was acknowledged before is in it. ErrDiskFull where there is no room for the log.
func (s *Store) Copy() (*Copy, error) {
	c, err := s.copy()
	if err != nil {
		return nil, fmt.Errorf("copying store %s: %w", s.dir, err)
	}
	return c, nil
}

func (s *Store) copy() (*Copy, error) {
	s.writing.Lock()
	err := s.growable()
	if err == nil {
		s.pending.Add(1) // it keeps the store from closing
		s.copies++
	}
	c := &Copy{Dir: fmt.Sprintf("%s%s%d", s.dir, copyInfix, s.copies), Tip: s.tip.hash, Height: s.tip.height, store: s}
	s.writing.Unlock()
	if err != nil {
		return nil, err
	}
	defer s.pending.Done()
	if err := s.opts.FS.RemoveAll(c.Dir); err != nil { // of a process that was killed
		return nil, err
	}
	if err := s.db.Checkpoint(c.Dir, pebble.WithFlushedWAL()); err != nil {
		return nil, errors.Join(wrap(err), s.opts.FS.RemoveAll(c.Dir))
	}
	return c, nil
}

// Close removes the copy.
func (c *Copy) Close() error { return c.store.opts.FS.RemoveAll(c.Dir) }

// removeCopies removes what a killed process left.
func (s *Store) removeCopies() error {
	parent, base := s.opts.FS.PathDir(s.dir), s.opts.FS.PathBase(s.dir)
	names, err := s.opts.FS.List(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		if strings.HasPrefix(name, base+copyInfix) {
			err = errors.Join(err, s.opts.FS.RemoveAll(s.opts.FS.PathJoin(parent, name)))
		}
	}
	return err
}
