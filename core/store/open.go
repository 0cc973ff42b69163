package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
)

// Open opens the store of a network in a directory, which is made where it is not there. An
// interrupted change is undone or finished first.
//
// Errors: ErrLocked, ErrOtherNetwork, ErrNewerSchema, ErrOlderSchema, ErrNotStore, ErrCorrupt, ErrDiskFull, and
// those of the file system, as fs.ErrPermission where the directory cannot be written.
func Open(dir string, n *core.Network, opts Options) (*Store, error) {
	opts = opts.withDefaults()
	s := &Store{network: n, dir: dir, opts: opts, log: opts.Log, closing: make(chan struct{}), logs: &logFiles{fs: opts.FS, dir: dir}}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("opening store %s: %w", dir, err)
	}
	return s, nil
}

func (s *Store) open() error {
	if err := makeDir(s.opts.FS, s.dir); err != nil {
		return wrap(err)
	}
	if err := s.takeLock(); err != nil {
		return wrap(err)
	}
	err := s.removeCopies()
	if err == nil {
		err = s.openDatabase()
	}
	if err != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

func (s *Store) openDatabase() error {
	ctx := context.Background() // nothing here takes long but on a disk that hangs
	before, err := s.inspect(ctx)
	if err != nil {
		return err
	}
	s.held = &heldFiles{holding: true}
	db, err := s.openPebble()
	if err != nil {
		return err
	}
	s.db, s.reader = db, db
	err = s.fit(ctx, before)
	if err == nil {
		err = s.load(before)
	}
	if err != nil {
		s.pending.Wait()
		return errors.Join(err, s.db.Close())
	}
	return nil
}

// load brings the store into a whole state and reads what is kept in memory.
func (s *Store) load(before *files) error {
	isNew := !before.made || len(before.tables) == 0 && before.logs == span{}
	for _, step := range []func() error{
		func() error { return s.identify(isNew) }, s.recover, s.loadTip, s.loadWaiting, s.indexDigests, s.loadForgotten, s.checkRecent,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	s.opened.Store(true)
	if err := s.held.release(s.opts.FS); err != nil {
		return wrap(err)
	}
	return s.writable()
}

// loadTip reads the tip. That the best chain ends there in every table is seen here, in a few reads;
// the rest is for Check.
func (s *Store) loadTip() error {
	r := reader{s.db}
	var err error
	if s.tip, err = r.tip(); err != nil {
		return missing(err, "tip")
	}
	e, err := r.stored(s.tip.hash)
	if err != nil {
		return missing(err, "block %v, the tip", s.tip.hash)
	}
	last, _, err := r.last(prefixHeight)
	if err != nil {
		return err
	}
	if e.Header.Height != s.tip.height || last != s.tip.height {
		return fmt.Errorf("tip at height %d, block at %d, last height %d: %w", s.tip.height, e.Header.Height, last, ErrCorrupt)
	}
	if _, err := r.frontier(s.tip.height); err != nil {
		return missing(err, "history tree")
	}
	_, condemned, err := r.lastKey(prefixCondemned)
	if err != nil {
		return err
	}
	s.anyCondemned.Store(condemned)
	for prefix, next := range map[byte]*uint64{prefixReorg: &s.nextReorg, prefixRecord: &s.nextSlot} {
		n, ok, err := r.last(prefix)
		if err != nil {
			return err
		}
		if ok {
			*next = n + 1
		}
	}
	return nil
}

// loadWaiting counts the waiting messages: a stored count could be wrong.
func (s *Store) loadWaiting() error {
	r := reader{s.db}
	next, err := get(r, []byte{prefixSequence}, decodeNumber)
	if err != nil {
		return missing(err, "sequence number")
	}
	s.nextSeq = next
	var count, bytes int64
	err = r.table(prefixWaiting, func(key, value []byte) error {
		seq, ok := keyNumber(key)
		if !ok {
			return errValue
		}
		w, err := decodeWaiting(seq, value)
		count, bytes, s.nextSeq = count+1, bytes+int64(w.Size), max(s.nextSeq, seq+1)
		return err
	})
	s.waitingCount.Store(count)
	s.waitingBytes.Store(bytes)
	return err
}

// takeLock keeps other processes out of the directory.
func (s *Store) takeLock() (err error) {
	s.lock, err = lockDir(s.dir, s.opts.FS)
	return err
}

// Lock keeps others from opening the store of a directory until what it returns is closed; ErrLocked.
func Lock(dir string, opts Options) (io.Closer, error) {
	lock, err := lockDir(dir, opts.withDefaults().FS)
	if err != nil {
		return nil, fmt.Errorf("locking store %s: %w", dir, err)
	}
	return lock, nil
}

func lockDir(dir string, fsys vfs.FS) (*pebble.Lock, error) {
	lock, err := pebble.LockDirectory(dir, fsys)
	if err == nil {
		return lock, nil
	}
	// The file could not be made; anything else is about the lock, and every system has its own words
	// for that.
	if pathErr := new(fs.PathError); errors.As(err, &pathErr) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the directory cannot be written: %w", err)
	}
	return nil, fmt.Errorf("%w (%w)", ErrLocked, err)
}

// makeDir makes a directory and the missing ones above it so that they survive a crash.
func makeDir(fsys vfs.FS, dir string) error {
	made := []string{}
	for at := dir; ; at = fsys.PathDir(at) {
		made = append(made, at)
		info, err := fsys.Stat(at)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s is not a directory", at)
		}
		if err == nil || fsys.PathDir(at) == at {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(made) == 1 {
		return nil
	}
	if err := fsys.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, at := range made { // the names of new directories are in their parents
		if err := syncDir(fsys, at); err != nil {
			return err
		}
	}
	return nil
}

func syncDir(fsys vfs.FS, dir string) error {
	f, err := fsys.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// ofPebble reports whether Pebble may have left a file when it was interrupted in a new directory.
func ofPebble(name string) bool {
	for _, pattern := range []string{"LOCK", "marker.*", "MANIFEST-*", "OPTIONS-*", "*.log", "*.dbtmp", "temporary.*"} {
		if ok, _ := path.Match(pattern, name); ok {
			return true
		}
	}
	return false
}
