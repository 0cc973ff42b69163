package store

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// flushPatience is how long Close waits for what is in memory to become tables, after which the log has
// nothing that is needed. It has no checksum for its end, unlike a table.
const flushPatience = 2 * time.Second

// fail makes the store read-only and tells the owner, once. Before the store is open it tells nobody:
// then the error is Open's.
func (s *Store) fail(err error) {
	err = fmt.Errorf("store %s: %w", s.dir, wrap(err))
	if !s.failure.CompareAndSwap(nil, &err) || !s.opened.Load() {
		return
	}
	if errors.Is(err, ErrCorrupt) {
		s.log.Error("store is damaged", "path", s.dir, "err", err)
		s.opts.OnDamage(err)
		return
	}
	s.log.Error("store cannot go on", "path", s.dir, "err", err)
	s.opts.OnFatal(err)
}

// seen looks at an error of a read on its way to the caller. A file that is gone is damage as much as wrong
// bytes, and nothing may be built on a store that has any. A disk that fails to read is not: it may read
// again, and nothing wrong was served.
func (s *Store) seen(err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, ErrCorrupt) && (errors.Is(err, fs.ErrNotExist) || pebble.IsCorruptionError(err)) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if errors.Is(err, ErrCorrupt) {
		s.fail(err)
	}
	return err
}

// flush writes what is in memory into tables, if that is quickly done.
func (s *Store) flush() {
	if s.failure.Load() != nil || s.opts.quiet || s.room() != nil {
		return
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return
	}
	patience := time.NewTimer(flushPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
}
