package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/store"
)

const (
	suspectFile = "store.suspect"
	// fullDisk is how little free space counts as none.
	fullDisk = 1 << 20
	// fullPatience is how long the store may wait for space before it is there at all.
	fullPatience = 5 * time.Second
)

// openPatiently opens the store. A store that meets a full disk waits for space, which is right while
// a node runs; one that starts would say nothing and serve nobody, so it gives up with
// store.ErrDiskFull. What waits is then left behind, for the end of the process. A start that takes
// long for another reason, like the recovery of much data, is let be.
func (n *Node) openPatiently(ctx context.Context, dir string, opts store.Options) (*store.Store, error) {
	type result struct {
		store *store.Store
		err   error
	}
	opened := make(chan result, 1)
	go func() {
		s, err := store.Open(dir, n.cfg.Network, opts)
		opened <- result{s, err}
	}()
	tick := time.NewTicker(fullPatience / 5)
	defer tick.Stop()
	for full := 0; full < 5; {
		select {
		case r := <-opened:
			if errors.Is(r.err, store.ErrLocked) {
				r.err = &lockedError{n.cfg.Dir, r.err}
			}
			return r.store, r.err
		case <-tick.C:
		}
		if n.isFull() {
			full++
		} else {
			full = 0
		}
		if full > 0 && ctx.Err() != nil {
			return nil, fmt.Errorf("opening store %s: %w: %w", dir, store.ErrDiskFull, ctx.Err())
		}
	}
	return nil, fmt.Errorf("opening store %s: no space to start in: %w", dir, store.ErrDiskFull)
}

// isFull reports whether the data directory's disk has no room. Where that is unknown, it has some.
func (n *Node) isFull() bool {
	usage, err := n.fileSystem().GetDiskUsage(n.cfg.Dir)
	return err == nil && usage.AvailBytes < fullDisk
}

// fileSystem is where the store's files are.
func (n *Node) fileSystem() vfs.FS {
	if n.cfg.FS == nil {
		return vfs.Default
	}
	return n.cfg.FS
}

// storeOptions are those of the node's store.
func (n *Node) storeOptions() store.Options {
	return store.Options{
		FS:           n.cfg.FS,
		Log:          n.log.With("part", "store"),
		OnFatal:      n.diskFailed,
		OnDamage:     n.damaged,
		CreatedBy:    "p2pchain " + n.cfg.Version,
		ReserveBytes: n.cfg.ReserveBytes,
	}
}

// openWhole opens the store, finishes a repair that was interrupted, and makes one where the store is
// damaged and that is asked for.
func (n *Node) openWhole(ctx context.Context, dir string, opts store.Options) (*store.Store, error) {
	if err := n.finishRepair(); err != nil {
		return nil, err
	}
	s, err := n.openPatiently(ctx, dir, opts)
	if err == nil && exists(n.suspicion()) {
		s, err = n.checkSuspect(ctx, s)
	}
	if !n.cfg.Repair || !errors.Is(err, store.ErrCorrupt) {
		return s, err
	}
	done, repairErr := n.repair(ctx, opts)
	if repairErr != nil {
		return nil, errors.Join(err, repairErr)
	}
	n.note("the store was damaged (%v); it was repaired up to block %d, what is missing comes from peers, and the damaged one is in %s", err, done.Height, done.Aside)
	return n.openPatiently(ctx, dir, opts)
}

// suspicion is the file that a node leaves which met damage while it ran. The walk at the start looks at
// the last blocks only, so the next start would not find it.
func (n *Node) suspicion() string { return filepath.Join(n.cfg.Dir, suspectFile) }

// checkSuspect checks a whole store in which a node met damage.
func (n *Node) checkSuspect(ctx context.Context, s *store.Store) (*store.Store, error) {
	n.log.Warn("all of the store is checked, since the last run met damage")
	report, err := s.Check(ctx, true)
	if err = errors.Join(err, report.Err()); err == nil {
		return s, os.Remove(n.suspicion())
	}
	return nil, errors.Join(fmt.Errorf("checking the store in %s: %w", n.cfg.Dir, err), s.Close())
}

// damaged is called by the store when it finds damage, perhaps with its locks held.
func (n *Node) damaged(err error) {
	if err := replaceFile(n.suspicion(), []byte(err.Error()+"\n"), 0o600); err != nil {
		n.log.Error("leaving a note about the damage", "err", err)
	}
	select {
	case n.failed <- err:
	default: // one is enough
	}
}
