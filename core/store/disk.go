package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullDiskPatience is how long a write of the database waits for room on a full disk. What fails
// after that is fatal for a log and only postponed for a compaction, which this also slows down.
const fullDiskPatience = 5 * time.Second

// Disk returns how many bytes the store takes and how many are free for it.
func (s *Store) Disk() (used, free uint64, err error) {
	err = s.read(func(reader) error {
		used = s.db.Metrics().DiskSpaceUsage()
		usage, err := s.opts.FS.GetDiskUsage(s.dir)
		free = usage.AvailBytes
		return err
	})
	return used, free, err
}

// room returns ErrDiskFull where less than the reserve is free. It is asked before every write that
// makes the store larger, so that Pebble, which cannot go back, does not meet the full disk.
func (s *Store) room() error {
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	if errors.Is(err, vfs.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("asking for free disk space: %w", err)
	}
	if usage.AvailBytes < s.opts.ReserveBytes {
		return fmt.Errorf("%d MiB free in %s, %d MiB are kept in reserve: %w",
			usage.AvailBytes>>20, s.dir, s.opts.ReserveBytes>>20, ErrDiskFull)
	}
	return nil
}

// waitForSpace is called by the file system when a write found the disk full; the write is tried
// once more after it returns. All other writes wait meanwhile.
func (s *Store) waitForSpace() {
	s.log.Error("disk is full", "path", s.dir)
	patience := time.NewTimer(fullDiskPatience)
	defer patience.Stop()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-patience.C:
			return
		case <-look.C:
			if s.room() == nil {
				return
			}
		}
	}
}

// backgroundError is what a flush or compaction ended with. A compaction that found no room is tried
// again by Pebble and costs nothing; anything else puts in doubt what the disk does with our bytes.
func (s *Store) backgroundError(err error) {
	switch {
	case errors.Is(err, pebble.ErrCancelledCompaction), errors.Is(err, pebble.ErrClosed):
	case errors.Is(wrap(err), ErrDiskFull):
		s.log.Warn("disk is full, tidying up later", "path", s.dir, "err", err)
	default:
		s.fail(fmt.Errorf("writing in the background: %w", err))
	}
}
