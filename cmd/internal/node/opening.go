package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/store"
)

const (
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
	fs := n.cfg.FS
	if fs == nil {
		fs = vfs.Default
	}
	usage, err := fs.GetDiskUsage(n.cfg.Dir)
	return err == nil && usage.AvailBytes < fullDisk
}
