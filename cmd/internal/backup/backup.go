package backup

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Chain is what a Job reads of the best chain; it is *chain.Chain but for tests.
type Chain interface {
	// Tip returns the last block of the best chain without waiting.
	Tip() chain.Tip
	// HashAt returns the block of the best chain at a height; chain.ErrNotFound.
	HashAt(height uint64) (core.Hash, error)
	// Block returns a stored block; chain.ErrNotFound.
	Block(hash core.Hash) (*core.Block, error)
	// Settled reports whether a block is on the best chain to stay, by all that is likely.
	Settled(hash core.Hash) bool
}

// Config says how a chain file is kept.
type Config struct {
	Dir   string        // where the files are
	Every time.Duration // between two passes
	// LastPass is how long the pass at the end may take. What it cannot write, the next start does.
	LastPass time.Duration
	Now      func() time.Time // for the names of files
	Log      *slog.Logger
	// Room, if set, says why nothing should be written now: a chain file must not take the space
	// that the store needs.
	Room func() error

	disk disk // nil: the operating system's
}

// DefaultConfig returns the usual settings, but for Dir.
func DefaultConfig() Config {
	return Config{Every: 30 * time.Second, LastPass: 2 * time.Second, Now: time.Now, Log: slog.Default()}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("backup: Dir is not set"))
	}
	if c.Every <= 0 || c.LastPass <= 0 {
		errs = append(errs, errors.New("backup: Every and LastPass must be more than 0"))
	}
	if c.Now == nil || c.Log == nil {
		errs = append(errs, errors.New("backup: Now or Log is not set"))
	}
	return errors.Join(errs...)
}

// A Job keeps the chain file of one network. Only Run, Recheck and Rewrite may be called, and Run once.
type Job struct {
	network *core.Network
	chain   Chain
	cfg     Config
	path    string // of the chain file
	genesis []byte // its first line
	recheck atomic.Bool

	rewritings chan rewriting

	failing bool // the last pass failed, and this was logged
	status  atomic.Pointer[Status]

	// What is known of the file, while file is not nil.
	file    file
	end     mark // SHA256 is not kept up to date: sum is
	sum     hash.Hash
	settled mark
	saved   state
}

// New returns a job that has not looked at any file yet.
func New(n *core.Network, c Chain, cfg Config) (*Job, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.disk == nil {
		cfg.disk = osDisk{}
	}
	return &Job{
		network: n, chain: c, cfg: cfg,
		path:    filepath.Join(cfg.Dir, n.Params.Name+".chain"),
		genesis: genesisLine(n), rewritings: make(chan rewriting),
	}, nil
}

// Recheck makes the next pass compare the whole file with the chain, and write anew what differs.
func (j *Job) Recheck() { j.recheck.Store(true) }

// Run makes a pass at once, then one each time, until ctx ends; then a last one, with all blocks, and
// returns nil. What goes wrong is logged and tried again.
func (j *Job) Run(ctx context.Context) error {
	tick := time.NewTicker(j.cfg.Every)
	defer tick.Stop()
	defer j.forget()
	for {
		j.try(ctx, false)
		select {
		case <-tick.C:
		case r := <-j.rewritings:
			j.rewrite(r)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.cfg.LastPass)
			defer cancel()
			j.try(last, true)
			return nil
		}
	}
}

// try makes a pass and sees to it that its failure is told once.
func (j *Job) try(ctx context.Context, all bool) {
	err := j.pass(ctx, all)
	if err != nil {
		j.forget()
	}
	if ctx.Err() == nil || err == nil {
		j.note(err)
	}
	switch {
	case ctx.Err() != nil: // no time was left, which is no failure
	case err != nil && !j.failing:
		j.failing = true
		j.cfg.Log.Error("chain file cannot be written, trying again", "path", j.path, "err", err)
	case err == nil && j.failing:
		j.failing = false
		j.cfg.Log.Info("chain file is written again", "path", j.path, "height", j.end.Height)
	}
}

// forget closes the file and drops what is known of it: the next pass looks at it anew.
func (j *Job) forget() {
	if j.file == nil {
		return
	}
	if err := j.file.Close(); err != nil {
		j.cfg.Log.Warn("closing the chain file", "path", j.path, "err", err)
	}
	j.file = nil
}

// pass brings the file up to the chain: to its settled blocks, or to all. Where ctx ends first, the
// file has fewer of them.
func (j *Job) pass(ctx context.Context, all bool) error {
	if j.cfg.Room != nil {
		if err := j.cfg.Room(); err != nil {
			return err
		}
	}
	again := j.recheck.Swap(false)
	if j.file != nil && (again || !j.connected(&j.end)) {
		j.forget()
	}
	if j.file == nil {
		if err := j.restore(ctx, again); err != nil {
			if again {
				j.recheck.Store(true)
			}
			return fmt.Errorf("looking at the chain file: %w", err)
		}
	}
	err := j.extend(ctx, false)
	if err == nil && all { // separately, so that the state knows where the settled ones end
		err = j.extend(ctx, true)
	}
	if err != nil {
		return fmt.Errorf("writing the chain file: %w", err)
	}
	return nil
}

// connected reports whether the block before a mark is on the best chain.
func (j *Job) connected(m *mark) bool {
	at, err := j.chain.HashAt(m.Height)
	return err == nil && at == m.Hash
}
