package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
)

const (
	// tidyPage is how many erased messages are tidied up after at a time.
	tidyPage = 4096
	// tidyGap is how many slots may lie between two that are compacted in one go.
	tidyGap = 64
	// tidySlots is how many slots of pruned bodies are compacted in one go.
	tidySlots = 1 << 17

	tidyLook     = 20 * time.Millisecond // between two looks at what is still in use
	tidyPatience = time.Minute           // for readers of old states, and for files to go
)

// errInUse means that old states of the database are still being read.
var errInUse = errors.New("old states of the store are still in use")

// A Dropped body is one that was erased, and may still be in files.
type Dropped struct {
	ID     core.Hash
	slot   uint64
	digest bool // the index of digests had it, too
}

// Dropped returns up to a few thousand messages whose bodies were erased, and may still be in files of the
// database or elsewhere: Tidy sees to the former, the caller to the latter, and then it calls Forgotten.
func (s *Store) Dropped() ([]Dropped, error) {
	if s.errands.Load() == 0 {
		return nil, nil
	}
	return single(s, func(r reader) ([]Dropped, error) {
		var out []Dropped
		err := r.table(prefixErrand, func(key, value []byte) error {
			id, ok := keyHash(key)
			e, err := decodeErrand(value)
			if err != nil || !ok {
				return errValue
			}
			if e.stage != stageDue {
				out = append(out, Dropped{id, e.slot, e.stage == stageTidyDigest})
			}
			if len(out) == tidyPage {
				return errStop
			}
			return nil
		})
		return out, err
	})
}

// Forgotten notes that nothing is left to do for erased messages.
func (s *Store) Forgotten(list []Dropped) error {
	_, err := s.forgetting(func(w *write) (int, error) {
		for _, d := range list {
			key := hashKey(prefixErrand, d.ID)
			is, err := w.has(key)
			if err != nil {
				return 0, err
			}
			if is {
				w.delete(key)
				w.errands--
				w.forgotten.epoch++ // Erased says so
			}
		}
		return len(list), nil
	})
	if err != nil {
		return fmt.Errorf("noting what was forgotten: %w", err)
	}
	return nil
}

// Tidy makes the bytes of dropped bodies leave the files of the database: of these erased ones and, if
// pruned is set, of pruned ones. It returns when no table and no log has them, and holds up nobody. It
// waits for a minute for those who read an older state, as Check does, and then gives up; a reader under
// way may keep a file a little longer. What it did not come to is done by the next call, after a restart
// too. It must have ended before Close is called.
//
// The file system, the disk and copies of the files are out of reach. So is the manifest of the database,
// which may name the digest of a notarised file, as the first or last key of a table, until two restarts
// later; it has no payloads.
func (s *Store) Tidy(ctx context.Context, list []Dropped, pruned bool) error {
	if err := s.hold(); err != nil {
		return err
	}
	defer s.pending.Done()
	s.tidying.Lock()
	defer s.tidying.Unlock()
	ranges := tidyRanges(list)
	from, to := s.untidied()
	if !pruned || from == to {
		from, to = 0, 0
	}
	if len(ranges) == 0 && from == to {
		return nil
	}
	if err := s.tidy(ctx, ranges, from, to); err != nil {
		return fmt.Errorf("tidying up after dropped bodies: %w", wrap(err))
	}
	return nil
}

// hold keeps the store from closing until pending is told.
func (s *Store) hold() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	s.pending.Add(1)
	return nil
}

// untidied returns the slots of pruned bodies that may still be in files.
func (s *Store) untidied() (from, to uint64) {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.forgotten.tidyFrom, s.forgotten.tidyTo
}

// tidy compacts ranges of keys and then the slots of pruned bodies, and sees logs and tables off.
func (s *Store) tidy(ctx context.Context, ranges [][2][]byte, from, to uint64) error {
	s.logs.reuse(false)
	defer s.logs.reuse(true)
	if err := s.waitForReaders(ctx); err != nil {
		return err
	}
	if err := s.leaveLogs(ctx); err != nil {
		return err
	}
	for _, r := range ranges {
		if err := s.db.Compact(ctx, r[0], r[1], false); err != nil {
			return err
		}
	}
	for from < to {
		next := min(to, from+tidySlots)
		if err := s.db.Compact(ctx, numberKey(prefixRecord, from), numberKey(prefixRecord, next), false); err != nil {
			return err
		}
		if err := s.tidied(from, next); err != nil {
			return err
		}
		from = next
	}
	return s.waitForFiles(ctx)
}

// tidied notes how far the slots of pruned bodies are compacted.
func (s *Store) tidied(from, next uint64) error {
	_, err := s.forgetting(func(w *write) (int, error) {
		f := &w.forgotten
		switch {
		case f.tidyFrom != from: // a lower one came meanwhile, as they do after a reorg
		case next >= f.tidyTo:
			f.tidyFrom, f.tidyTo = 0, 0
		default:
			f.tidyFrom = next
		}
		return 1, nil
	})
	return err
}

// waitForReaders returns when nobody reads a state of before now: a compaction keeps what is in one.
func (s *Store) waitForReaders(ctx context.Context) error {
	s.writing.Lock()
	w := s.newWrite(s.db.NewBatch(), reader{s.db})
	w.rewriteForgotten()
	t, err := s.finish(w)
	seq := uint64(0)
	if err == nil {
		seq = uint64(t.batch.SeqNum())
	}
	s.writing.Unlock()
	if err == nil {
		err = s.wait(t)
	}
	if err != nil {
		return err
	}
	return s.until(ctx, func() (bool, error) {
		m := s.db.Metrics()
		return m.Snapshots.Count == 0 || uint64(m.Snapshots.EarliestSeqNum) > seq, nil
	})
}

// leaveLogs returns when no log of before now is left.
func (s *Store) leaveLogs(ctx context.Context) error {
	last := uint64(0)
	names, err := s.logs.list()
	if err != nil {
		return err
	}
	for _, n := range names {
		last = max(last, n)
	}
	if err := s.db.Flush(); err != nil {
		return err
	}
	return s.until(ctx, func() (bool, error) {
		numbers, err := s.logs.list()
		if err != nil {
			return false, err
		}
		// Logs in use are the newest ones. A log that is made after the list was read only makes fewer of
		// them: so whatever is not among so many of the list is in use no more.
		inUse := int(s.db.Metrics().WAL.Files)
		slices.Sort(numbers)
		idle := numbers[:max(0, len(numbers)-inUse)]
		if err := s.logs.remove(idle); err != nil {
			return false, err
		}
		numbers = numbers[len(idle):]
		return len(numbers) == 0 || numbers[0] > last, nil
	})
}

// waitForFiles returns when the tables that were replaced are deleted.
func (s *Store) waitForFiles(ctx context.Context) error {
	err := s.until(ctx, func() (bool, error) {
		m := s.db.Metrics()
		return m.Table.ObsoleteCount == 0 && m.Table.ZombieCount == 0, nil
	})
	if errors.Is(err, errInUse) {
		return nil // a reader, or others that are written meanwhile; they go by themselves
	}
	return err
}

// until asks again and again.
func (s *Store) until(ctx context.Context, done func() (bool, error)) error {
	patience := time.NewTimer(tidyPatience)
	defer patience.Stop()
	look := time.NewTicker(tidyLook)
	defer look.Stop()
	for {
		if is, err := done(); err != nil || is {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.closing:
			return ErrClosed
		case <-patience.C:
			return errInUse
		case <-look.C:
		}
	}
}

// tidyRanges returns the ranges of keys that erased bodies were in.
func tidyRanges(list []Dropped) (ranges [][2][]byte) {
	slots := make([]uint64, len(list))
	digests := false
	for i, d := range list {
		slots[i] = d.slot
		digests = digests || d.digest
	}
	slices.Sort(slots)
	for i := 0; i < len(slots); {
		first, last := slots[i], slots[i]
		for ; i < len(slots) && slots[i] <= last+tidyGap; i++ {
			last = slots[i]
		}
		ranges = append(ranges, [2][]byte{numberKey(prefixRecord, first), numberKey(prefixRecord, last+1)})
	}
	if digests {
		ranges = append(ranges, [2][]byte{{prefixDigest}, {prefixDigest + 1}})
	}
	return ranges
}

// logFiles are the logs of the database. Pebble uses old ones again, whose ends then still hold what was in
// them before.
type logFiles struct {
	fs  vfs.FS
	dir string

	mu   sync.Mutex
	anew int // while it is not zero, none is used again
}

// reuse says whether old logs may be used again. Calls may overlap.
func (l *logFiles) reuse(may bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if may {
		l.anew--
	} else {
		l.anew++
	}
}

// list returns the numbers of all logs that are there.
func (l *logFiles) list() ([]uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	names, err := l.fs.List(l.dir)
	var numbers []uint64
	for _, name := range names {
		if number, kind := databaseFile(name); kind == logKind {
			numbers = append(numbers, number)
		}
	}
	return numbers, err
}

// remove deletes logs that nobody needs. Pebble may still plan to use one again: see open.
func (l *logFiles) remove(numbers []uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range numbers {
		err := l.fs.Remove(l.fs.PathJoin(l.dir, fmt.Sprintf("%06d.log", n)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// open makes a log of an old one or, where that is gone or may not be used, anew.
func (l *logFiles) open(fsys vfs.FS, from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.anew == 0 {
		f, err := fsys.ReuseForWrite(from, to, category)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	if err := fsys.Remove(from); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return fsys.Create(to, category)
}
