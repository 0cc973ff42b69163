package store

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// heldFiles are files that Pebble would have deleted while it opened the database. Should it have taken
// a damaged manifest for a whole one, they are what repair needs.
type heldFiles struct {
	mu      sync.Mutex
	holding bool
	names   []string
}

// hold notes a file, and reports whether it must not be deleted now.
func (h *heldFiles) hold(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holding {
		h.names = append(h.names, name)
	}
	return h.holding
}

// release deletes what was held, and holds nothing more.
func (h *heldFiles) release(fsys vfs.FS) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holding = false
	var errs []error
	for _, name := range h.names {
		if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	h.names = nil
	return errors.Join(errs...)
}

// Remove implements vfs.FS.
func (w watchedFS) Remove(name string) error {
	if _, kind := databaseFile(w.PathBase(name)); kind != otherKind && w.held.hold(name) {
		return nil
	}
	return w.FS.Remove(name)
}
