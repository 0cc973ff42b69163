package forget

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"p2pchain/core/chain"
	"p2pchain/core/store"
)

const (
	// claimPage is how many wishes of authors are looked at in one go.
	claimPage = 200
	// pruneTidyEvery is how long pruned bodies may stay in the files of the store: to compact these after
	// each block would write much to free little.
	pruneTidyEvery = time.Hour
	// filesEvery is how long pruned bodies may stay in chain files, which are written anew as a whole.
	filesEvery = 24 * time.Hour
	// minPruneAfter is the least age of what is pruned: whoever was away for a moment still finds it.
	minPruneAfter = time.Hour
)

// Config says what a node forgets.
type Config struct {
	// Honour says that messages by which authors ask to forget their own messages are honoured.
	Honour bool
	// PruneAfter is the age of blocks from which on payloads are dropped; 0: never.
	PruneAfter time.Duration
	// Archive reports whether a connected peer has all payloads; nil: none has.
	Archive func() bool
	// Files takes what was dropped out of files beside the store; nil: there are none.
	Files func(context.Context) error

	Every     time.Duration // between two looks at the clock
	TidyEvery time.Duration // at least, between two times that files are written anew after erasures
	Now       func() time.Time
	Log       *slog.Logger
}

// DefaultConfig honours authors and keeps everything else.
func DefaultConfig() Config {
	return Config{Honour: true, Every: 15 * time.Second, TidyEvery: 5 * time.Second, Now: time.Now, Log: slog.Default()}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.PruneAfter < 0 || c.PruneAfter > 0 && c.PruneAfter < minPruneAfter {
		errs = append(errs, fmt.Errorf("forget: PruneAfter is %v, want 0 or at least %v", c.PruneAfter, minPruneAfter))
	}
	if c.Every <= 0 || c.TidyEvery <= 0 {
		errs = append(errs, errors.New("forget: Every and TidyEvery must be more than 0"))
	}
	if c.Now == nil || c.Log == nil {
		errs = append(errs, errors.New("forget: Now or Log is not set"))
	}
	return errors.Join(errs...)
}

// A Source pokes who subscribes when there is something new; it is the chain and the pool.
type Source interface {
	Subscribe() (<-chan struct{}, func())
}

// A Forgetter forgets. Erase and Status are safe for concurrent use; Run is called once.
type Forgetter struct {
	store       *store.Store
	chain, pool Source
	cfg         Config
	kick        chan struct{}
	pruning     atomic.Value // of Pruning

	// Only Run uses these.
	tidied, prunedTidied, prunedFiled time.Time
	filedBodies                       uint64 // pruned ones that no chain file has
	failing                           string // what failed last, and was logged
}

// New returns a forgetter that does nothing before Run.
func New(s *store.Store, c, pool Source, cfg Config) (*Forgetter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Forgetter{store: s, chain: c, pool: pool, cfg: cfg, kick: make(chan struct{}, 1)}
	f.pruning.Store(PruningOff)
	if cfg.PruneAfter > 0 {
		f.pruning.Store(PruningDone)
	}
	return f, nil
}

// Erase marks a message as erased: from now on nobody is shown its payload, and that goes when the message
// is settled. chain.ErrNotFound.
func (f *Forgetter) Erase(_ context.Context, e chain.Erasure) error {
	if _, err := f.store.Erase(e); err != nil {
		return err
	}
	select {
	case f.kick <- struct{}{}:
	default: // it is about to look
	}
	return nil
}

// Run forgets until ctx ends and then returns nil. What fails is logged and tried again.
func (f *Forgetter) Run(ctx context.Context) error {
	moved, stopMoved := f.chain.Subscribe()
	defer stopMoved()
	added, stopAdded := f.pool.Subscribe()
	defer stopAdded()
	tick := time.NewTicker(f.cfg.Every)
	defer tick.Stop()
	for old := true; ; {
		f.try(ctx, "erasing", f.erase(ctx))
		if old {
			f.try(ctx, "pruning", f.prune(ctx))
		}
		old = false
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			old = true
		case <-moved:
		case <-added:
		case <-f.kick:
		}
	}
}

// try logs an error once, and that it is over.
func (f *Forgetter) try(ctx context.Context, what string, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && f.failing != what:
		f.failing = what
		f.cfg.Log.Error("forgetting failed, trying again", "what", what, "err", err)
	case err == nil && f.failing == what:
		f.failing = ""
		f.cfg.Log.Info("forgetting goes on", "what", what)
	}
}

func (f *Forgetter) nowMS() uint64 { return uint64(max(0, f.cfg.Now().UnixMilli())) }

// erase does what is to be done for erased messages.
func (f *Forgetter) erase(ctx context.Context) error {
	for more := f.cfg.Honour; more && ctx.Err() == nil; {
		var n int
		var err error
		if n, more, err = f.store.HonourClaims(f.nowMS(), claimPage); err != nil {
			return err
		}
		if n > 0 {
			f.cfg.Log.Info("messages erased as their authors asked", "messages", n)
		}
	}
	if n, err := f.store.DropErased(f.nowMS()); err != nil {
		return err
	} else if n > 0 {
		f.cfg.Log.Info("erased payloads dropped", "messages", n)
	}
	return f.tidy(ctx)
}

// tidy makes the bytes of dropped bodies leave the files. It does not do so for each message: the next call
// sees to those that came meanwhile.
func (f *Forgetter) tidy(ctx context.Context) error {
	now := f.cfg.Now()
	if now.Sub(f.tidied) < f.cfg.TidyEvery && !now.Before(f.tidied) {
		return nil
	}
	list, err := f.store.Dropped()
	if err != nil || len(list) == 0 {
		return err
	}
	f.tidied = now
	if err := f.store.Tidy(ctx, list, false); err != nil {
		return err
	}
	if f.cfg.Files != nil {
		if err := f.cfg.Files(ctx); err != nil {
			return fmt.Errorf("taking erased payloads out of chain files: %w", err)
		}
	}
	if err := f.store.Forgotten(list); err != nil {
		return err
	}
	f.cfg.Log.Info("no file has erased payloads any more", "messages", len(list))
	return nil
}
