package minertest_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/miner"
	"p2pchain/core/miner/minertest"
)

// empty is a miner.Source without messages.
type empty struct{ *chain.Chain }

func (e empty) Template(int, int) (chain.Tip, []*core.Message, error) { return e.Tip(), nil, nil }

// mine returns the times of the blocks of a simulated span.
func mine(t *testing.T, seed uint64, span time.Duration) (times []uint64, rate float64) {
	n := coretest.Network(t)
	cfg := chain.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	c, err := chain.Open(n, coretest.NewMemStore(n), cfg)
	if err != nil {
		t.Fatal(err)
	}
	submit := func(_ context.Context, b *core.Block) error {
		times = append(times, b.Header.TimeMS)
		_, err := c.AddBlocks([]*core.Block{b})
		return err
	}
	mc := miner.DefaultConfig()
	mc.Mode, mc.Search = miner.Always, minertest.NewPoisson(n, 400, seed)
	m, err := miner.New(n, empty{c}, c, submit, mc, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
	return times, m.Status().HashRate
}

// TestPoisson holds that a simulated miner of 400 tries per second makes a block per T, once the
// target has followed, and that a seed gives the same blocks again.
func TestPoisson(t *testing.T) {
	seed := random.Seed(t)
	run := func() (times []uint64, rate float64) {
		synctest.Test(t, func(t *testing.T) { times, rate = mine(t, seed, 5*time.Minute) })
		return times, rate
	}
	first, rate := run()
	if late := len(first) - len(first)/2; late == 0 {
		t.Fatal("no blocks")
	}
	half := first[len(first)/2:]
	mean := float64(half[len(half)-1]-half[0]) / float64(len(half)-1)
	t.Logf("%d blocks, the later half every %.0f ms, %.0f tries per second", len(first), mean, rate)
	if mean < 160 || mean > 250 {
		t.Errorf("a block every %.0f ms, want about 200", mean)
	}
	if rate < 395 || rate > 405 {
		t.Errorf("%v tries per second, want 400", rate)
	}
	if again, _ := run(); !slices.Equal(first, again) {
		t.Error("the same seed gave other blocks")
	}
}
