package forget

import (
	"context"
	"fmt"
	"time"

	"p2pchain/core"
	"p2pchain/core/store"
)

// A Pruning says what becomes of old payloads.
type Pruning string

// The states of pruning.
const (
	PruningOff     Pruning = "off"        // everything is kept
	PruningDone    Pruning = "done"       // what is old is gone
	PruningRuns    Pruning = "running"    // old payloads are being dropped
	PruningRefused Pruning = "no_archive" // no connected peer has all payloads, so none is dropped
)

// A Status says what was forgotten.
type Status struct {
	Honour     bool          // the wishes of authors are honoured
	PruneAfter time.Duration // 0: never
	Pruning    Pruning
	Pruned     store.Pruned
	Erased     uint64 // messages
	Due        int64  // of them, that are not settled yet or may still be in files
	Gaps       int64  // bodies that are missing although nobody erased or pruned them; off the best chain, too
	LowestFull uint64 // from this height on no body is missing, but for erased ones
}

// Status returns what was forgotten.
func (f *Forgetter) Status() Status {
	s := f.store.Bodies()
	out := Status{
		Honour: f.cfg.Honour, PruneAfter: f.cfg.PruneAfter, Pruning: f.pruning.Load().(Pruning),
		Pruned: f.store.Pruned(), Erased: s.Erased, Due: s.Due, Gaps: s.Gaps,
	}
	lowest, err := f.store.LowestFull()
	if err != nil {
		f.cfg.Log.Error("looking for missing bodies", "err", err)
	}
	out.LowestFull = lowest
	return out
}

// prune drops the bodies of blocks that are old enough.
func (f *Forgetter) prune(ctx context.Context) error {
	if f.cfg.PruneAfter == 0 {
		return nil
	}
	height, err := f.oldest()
	if err != nil {
		return err
	}
	if height > f.store.Pruned().Height {
		if err := f.pruneTo(ctx, height); err != nil {
			return err
		}
	} else {
		f.state(PruningDone)
	}
	return f.tidyPruned(ctx)
}

// pruneTo drops bodies step by step, and leaves others as much time as a step takes.
func (f *Forgetter) pruneTo(ctx context.Context, height uint64) error {
	before := f.store.Pruned()
	for more := true; more && ctx.Err() == nil; {
		if f.cfg.Archive == nil || !f.cfg.Archive() {
			f.state(PruningRefused)
			return nil
		}
		f.state(PruningRuns)
		begun := time.Now()
		var err error
		if more, err = f.store.Prune(height); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(time.Millisecond, time.Since(begun))):
		}
	}
	if now := f.store.Pruned(); now.Bodies != before.Bodies {
		f.cfg.Log.Info("old payloads dropped", "height", now.Height, "messages", now.Bodies-before.Bodies)
	}
	if ctx.Err() == nil {
		f.state(PruningDone)
	}
	return nil
}

// state changes what Status says, and logs a refusal.
func (f *Forgetter) state(p Pruning) {
	if old := f.pruning.Swap(p); old != p && p == PruningRefused {
		f.cfg.Log.Warn("old payloads are kept: no connected peer has all of them", "prune_after", f.cfg.PruneAfter)
	}
}

// oldest returns the height of the last block that is old enough, by the time in its header. Times rise
// along a chain.
func (f *Forgetter) oldest() (uint64, error) {
	limit := f.cfg.Now().Add(-f.cfg.PruneAfter).UnixMilli()
	tip, err := f.timeOf(f.store.Tip())
	if err != nil {
		return 0, err
	}
	low, high := f.store.Pruned().Height, tip.height // blocks up to low are old enough, or pruned
	if low >= high {
		return low, nil
	}
	for low < high {
		middle := high - (high-low)/2
		at, err := f.timeOf(f.store.HashAt(middle))
		if err != nil {
			return 0, err
		}
		if int64(at.timeMS) <= limit {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, nil
}

// tidyPruned makes the bytes of pruned bodies leave the files, now and then.
func (f *Forgetter) tidyPruned(ctx context.Context) error {
	now := f.cfg.Now()
	if f.prunedTidied.IsZero() || now.Sub(f.prunedTidied) >= pruneTidyEvery {
		f.prunedTidied = now
		if err := f.store.Tidy(ctx, nil, true); err != nil {
			return err
		}
	}
	bodies := f.store.Pruned().Bodies
	if f.cfg.Files == nil || bodies == f.filedBodies || !f.prunedFiled.IsZero() && now.Sub(f.prunedFiled) < filesEvery {
		return nil
	}
	f.prunedFiled = now
	if err := f.cfg.Files(ctx); err != nil {
		return fmt.Errorf("taking pruned payloads out of chain files: %w", err)
	}
	f.filedBodies = bodies
	return nil
}

// A moment is when a block was mined.
type moment struct{ height, timeMS uint64 }

func (f *Forgetter) timeOf(hash core.Hash, err error) (moment, error) {
	if err != nil {
		return moment{}, err
	}
	e, err := f.store.Entry(hash)
	if err != nil {
		return moment{}, fmt.Errorf("reading block %v: %w", hash, err)
	}
	return moment{e.Header.Height, e.Header.TimeMS}, nil
}
