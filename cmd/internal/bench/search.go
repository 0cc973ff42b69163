package bench

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"time"

	"p2pchain/core"
	"p2pchain/core/background"
	"p2pchain/core/miner"
)

const (
	// lookEvery is how often a search without a figure is asked again.
	lookEvery = 2 * time.Millisecond
	// searchPatience is how much longer than its time a search may be without a figure: its threads have
	// the lowest priority, so on a machine that is busy they may not have run at all.
	searchPatience = 30 * time.Second
)

// errNoSearch means that other programs left no processor to the search.
var errNoSearch = errors.New("the search for a block got no processor: other programs keep them all busy")

// searchers returns how many threads keep all processors busy.
func searchers(procs int) int { return min(procs, miner.MaxThreads) }

// search lets the miner look for a block that it does not find, and returns its rate of hashes.
func (s *site) search(ctx context.Context, length time.Duration, threads int) (float64, error) {
	cfg := miner.DefaultConfig()
	cfg.Mode, cfg.Threads = miner.Always, threads
	submit := func(_ context.Context, b *core.Block) error {
		_, err := s.chain.AddBlocks([]*core.Block{b})
		return err
	}
	m, err := miner.New(s.network, s.pool, s.chain, submit, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return 0, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(background.Procs(s.procs, threads)))
	searching, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- m.Run(searching) }()
	rate, err := watch(ctx, length, func() float64 { return m.Status().HashRate })
	stop()
	return rate, errors.Join(err, <-ended)
}

// watch returns the rate at the end of the time, or the first one after that.
func watch(ctx context.Context, length time.Duration, rate func() float64) (float64, error) {
	over := time.NewTimer(length)
	defer over.Stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-over.C:
	}
	patience := time.NewTimer(searchPatience)
	defer patience.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		if found := rate(); found > 0 {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-patience.C:
			return 0, errNoSearch
		case <-look.C:
		}
	}
}
