package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// fullDiskPatience is how long a write of the database waits for room on a full disk. After that it
// is tried once more, and a failure is fatal for a log. A table is only written later: Pebble keeps
// trying, and this wait slows it down.
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
