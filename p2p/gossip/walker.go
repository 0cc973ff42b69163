package gossip

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"

	"p2pchain/core"
	"p2pchain/p2p/sketch"
)

const (
	walkPage = 4096 // waiting messages read in one go
	// walkRest is how many times longer than it took the next walk waits, so that a list of any length
	// takes a tenth of a processor at most, whatever makes us compare it.
	walkRest = 9
)

// A walker goes through our own waiting messages for one round at a time. It is safe for concurrent
// use.
type walker struct {
	pool    Pool
	walking *semaphore.Weighted // of 1: guards what is below
	last    *sketch.Sketch      // a round may need it twice
	until   time.Time           // the next walk may begin
}

func newWalker(pool Pool) *walker { return &walker{pool: pool, walking: semaphore.NewWeighted(1)} }

// sketch returns the largest sketch of what waits here under a key. It may be of a moment ago.
func (w *walker) sketch(ctx context.Context, key sketch.Key) (*sketch.Sketch, error) {
	if err := w.walking.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting to read the mempool: %w", err)
	}
	defer w.walking.Release(1)
	// The rest of a walk is a moment. Later the peer may give the same key still, but we have changed.
	if w.last != nil && w.last.Key() == key && time.Now().Before(w.until) {
		return w.last, nil
	}
	s := sketch.New(key, sketch.MaxCells)
	if err := w.walk(ctx, func(id core.Hash) bool { s.Add(id); return true }); err != nil {
		return nil, err
	}
	w.last = s
	return s, nil
}

// without returns messages that wait here and are not among the given ones, up to as many as are
// offered in a round.
func (w *walker) without(ctx context.Context, ids []core.Hash) ([]core.Hash, error) {
	if err := w.walking.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting to read the mempool: %w", err)
	}
	defer w.walking.Release(1)
	theirs := make(map[core.Hash]struct{}, len(ids))
	for _, id := range ids {
		theirs[id] = struct{}{}
	}
	var out []core.Hash
	err := w.walk(ctx, func(id core.Hash) bool {
		if _, both := theirs[id]; !both {
			out = append(out, id)
		}
		return len(out) < maxOffered
	})
	return out, err
}

// walk calls f with each waiting message until f returns false. The caller holds walking.
func (w *walker) walk(ctx context.Context, f func(core.Hash) bool) error {
	if rest := time.Until(w.until); rest > 0 && !sleep(ctx, rest) {
		return ctx.Err()
	}
	begin := time.Now()
	defer func() { w.until = time.Now().Add(walkRest * time.Since(begin)) }()
	for after := uint64(0); ; {
		page, err := w.pool.List(after, walkPage)
		if err != nil {
			return fmt.Errorf("listing waiting messages: %w", err)
		}
		for i := range page {
			if !f(page[i].ID) {
				return nil
			}
			after = page[i].Seq
		}
		if len(page) < walkPage {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
