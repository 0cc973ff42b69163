package bench

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// hardest is a difficulty at which no machine finds a block within a run.
const hardest = 16

// A site is the parts of a node that need no network, on the disk that is measured.
type site struct {
	network *core.Network
	store   *store.Store
	chain   *chain.Chain
	pool    *mempool.Pool
	key     ed25519.PrivateKey
	procs   int // processors
	now     func() time.Time

	messages []*core.Message // that were made for the checks
}

// openSite opens a new store in a directory, of a network like main that is never anybody else's.
func openSite(dir string, now func() time.Time) (*site, error) {
	params, ok := core.Builtin("main")
	if !ok {
		return nil, errors.New("there is no network main")
	}
	params.Name, params.Difficulty = "bench", hardest
	s := &site{procs: runtime.GOMAXPROCS(0), now: now}
	var err error
	if s.network, err = core.NewNetwork(params); err != nil {
		return nil, err
	}
	if _, s.key, err = ed25519.GenerateKey(nil); err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if s.store, err = store.Open(dir, s.network, store.Options{}); err != nil {
		return nil, err
	}
	if err := s.openPool(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// openPool opens what stands on the store.
func (s *site) openPool() (err error) {
	if s.chain, err = chain.Open(s.network, s.store, chain.DefaultConfig()); err != nil {
		return err
	}
	cfg := mempool.DefaultConfig()
	cfg.MaxBytes = 1 << 40 // the free disk is the limit here
	cfg.Log = slog.New(slog.DiscardHandler)
	s.pool, err = mempool.Open(s.network, s.chain, s.store, cfg)
	return err
}

func (s *site) close() error { return s.store.Close() }

// rate calls f until the time is over, at least once, and returns how many things it did a second.
func (s *site) rate(ctx context.Context, length time.Duration, f func() (int, error)) (float64, error) {
	for done, began := 0, s.now(); ; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := f()
		if err != nil {
			return 0, err
		}
		done += n
		if took := s.now().Sub(began); took >= length && took > 0 {
			return float64(done) / took.Seconds(), nil
		}
	}
}

// parts returns the steps of a run, in their order. The disk comes last: what it still has to do must
// not disturb the rest.
func (s *site) parts(r *Report) []part {
	search := func(threads int) func(context.Context, time.Duration) error {
		return func(ctx context.Context, length time.Duration) error {
			hashes, err := s.search(ctx, length, threads)
			if err == nil {
				r.Search = append(r.Search, Search{threads, hashes})
			}
			return err
		}
	}
	durable := func(writers int) func(context.Context, time.Duration) error {
		return func(ctx context.Context, length time.Duration) error {
			messages, err := s.write(ctx, length, writers)
			if err == nil {
				r.Durable = append(r.Durable, Durable{writers, messages})
			}
			return err
		}
	}
	parts := []part{{"searching a block with one thread", 0.2, 1, search(1)}}
	if all := searchers(s.procs); all > 1 {
		parts = append(parts, part{"searching a block with all processors", 0.2, all, search(all)})
	}
	return append(parts,
		part{"signing messages", 0.1, 1, func(ctx context.Context, length time.Duration) (err error) {
			r.Signed, err = s.sign(ctx, length)
			return err
		}},
		part{"checking signatures", 0.15, 0, func(ctx context.Context, length time.Duration) (err error) {
			r.CheckedSingly, r.CheckedBatched, err = s.check(ctx, length)
			return err
		}},
		part{"hashing payloads", 0.05, 1, func(ctx context.Context, length time.Duration) (err error) {
			r.HashedBytes, err = s.hash(ctx, length)
			return err
		}},
		part{"checking blocks", 0.1, 0, func(ctx context.Context, length time.Duration) (err error) {
			r.Validated, err = s.validate(ctx, length)
			return err
		}},
		part{"writing messages to the disk, one after the other", 0.1, 0, durable(1)},
		part{"writing messages to the disk, many at once", 0.1, 0, durable(writers)},
	)
}
