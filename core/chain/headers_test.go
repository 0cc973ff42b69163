package chain_test

import (
	"errors"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func TestHeadersAheadAreBounded(t *testing.T) {
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.MaxAhead = 10 })
	blocks := f.Chain("genesis", coretest.Names("a", 1, 30)...)
	headers := coretest.Headers(blocks)
	if n, err := c.AddHeaders(headers, core.Work{}); n != 10 || err != nil {
		t.Fatalf("AddHeaders = %d, %v; want 10 of 30", n, err)
	}
	mustAdd(t, c, blocks[:4]...)
	if n, err := c.AddHeaders(headers, core.Work{}); n != 14 || err != nil {
		t.Fatalf("AddHeaders = %d, %v; want 14 of 30", n, err)
	}
	if n, err := c.AddBlocks(blocks); n != 14 || !errors.Is(err, chain.ErrTooFarAhead) {
		t.Fatalf("AddBlocks = %d, %v; want 14, ErrTooFarAhead", n, err)
	}
	mustAdd(t, c, blocks[14:24]...)
	mustAdd(t, c, blocks[24:]...)
	wantTip(t, c, f, "a30")
}

// TestLowWorkBranchNeedsProof has a branch that forks 200 blocks down: too little work to be
// remembered until a probe has seen that it will have more than the tip.
func TestLowWorkBranchNeedsProof(t *testing.T) {
	c, _, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 200)...)...)
	branch := f.Chain("genesis", coretest.Names("b", 1, 220)...)
	headers := coretest.Headers(branch)
	if n, err := c.AddHeaders(headers[:50], core.Work{}); n != 0 || !errors.Is(err, chain.ErrLowWork) {
		t.Fatalf("AddHeaders = %d, %v; want 0, ErrLowWork", n, err)
	}
	if c.State(f.Hash("b1")) != chain.Unknown {
		t.Error("a header of little work was remembered")
	}
	if consensus.ClassOf(chain.ErrLowWork) != consensus.Undecided {
		t.Error("little work is not a broken rule: the branch may grow")
	}
	probe, err := c.Probe(c.Network().Genesis)
	if err != nil {
		t.Fatal(err)
	}
	for len(headers) > 0 {
		n := min(50, len(headers))
		if err := probe.Add(headers[:n]); err != nil {
			t.Fatal(err)
		}
		headers = headers[n:]
	}
	if !probe.Enough() || probe.End().Hash != f.Hash("b220") {
		t.Fatalf("probe ends at %d", probe.End().Header.Height)
	}
	headers = coretest.Headers(branch)
	for i := 0; i < len(headers); i += 50 {
		if _, err := c.AddHeaders(headers[i:min(i+50, len(headers))], probe.End().Header.Work); err != nil {
			t.Fatal(err)
		}
	}
	for _, b := range branch {
		mustAdd(t, c, b)
	}
	wantTip(t, c, f, "b220")
}

// TestClaimedWorkDoesNotCount has a header that claims much work at the end of a branch of little:
// it is refused, and nothing before it is remembered.
func TestClaimedWorkDoesNotCount(t *testing.T) {
	c, _, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 200)...)...)
	headers := coretest.Headers(f.Chain("genesis", coretest.Names("b", 1, 20)...))
	headers[19].Work = core.NewWork(1, 0)
	if _, err := c.AddHeaders(headers, core.Work{}); !errors.Is(err, consensus.ErrWork) {
		t.Fatalf("AddHeaders = %v, want ErrWork", err)
	}
	if c.State(f.Hash("b1")) != chain.Unknown {
		t.Error("headers before the lie were remembered")
	}
}

func TestHeaderErrors(t *testing.T) {
	c, _, f := setup(t)
	blocks := f.Chain("genesis", "a1", "a2", "a3")
	if _, err := c.AddHeaders(coretest.Headers(blocks[1:]), core.Work{}); !errors.Is(err, consensus.ErrParentUnknown) {
		t.Errorf("orphan: %v, want ErrParentUnknown", err)
	}
	gap := []core.Header{blocks[0].Header, blocks[2].Header}
	if n, err := c.AddHeaders(gap, core.Work{}); n != 1 || !errors.Is(err, consensus.ErrHeight) {
		t.Errorf("gap: %d, %v; want 1, ErrHeight", n, err)
	}
	if _, err := c.Probe(f.Hash("a3")); !errors.Is(err, consensus.ErrParentUnknown) {
		t.Errorf("probe: %v, want ErrParentUnknown", err)
	}
	var rule *consensus.RuleError
	if _, err := c.AddBlocks(blocks[1:2]); err == nil || errors.As(err, &rule) && rule.Block != f.Hash("a2") {
		t.Errorf("AddBlocks without the parent's block: %v", err)
	}
}

func TestFutureHeaderIsUndecided(t *testing.T) {
	start := time.UnixMilli(int64(coretest.Network(t).Header.TimeMS))
	now := start
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.Now = func() time.Time { return now } })
	step := time.Duration(c.Network().Params.BlockIntervalMS) * time.Millisecond
	count := int(consensus.MaxFutureMS*time.Millisecond/step) + 5
	blocks := f.Chain("genesis", coretest.Names("a", 1, count)...)
	n, err := c.AddHeaders(coretest.Headers(blocks), core.Work{})
	if n != count-5 || !errors.Is(err, consensus.ErrTimeInFuture) {
		t.Fatalf("AddHeaders = %d of %d, %v", n, count, err)
	}
	now = now.Add(5 * step)
	if n, err := c.AddHeaders(coretest.Headers(blocks), core.Work{}); n != count || err != nil {
		t.Fatalf("later: %d, %v", n, err)
	}
}

// TestPrunedBranchGrowsAgain has an abandoned branch that was dropped from memory and comes back:
// its blocks are still on disk, since it is deeper than six.
func TestPrunedBranchGrowsAgain(t *testing.T) {
	c, s, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 10)...)...)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("b", 1, 11)...)...) // a1 … a10 are abandoned
	mustAdd(t, c, f.Chain("b1", "c2", "c3")...)                         // never the best
	more := f.Chain("b11", coretest.Names("b", 12, 320)...)
	for _, b := range more {
		mustAdd(t, c, b)
	}
	if forks := c.Forks(); len(forks) != 0 {
		t.Errorf("forks in memory: %+v", forks)
	}
	if got := c.State(f.Hash("a10")); got != chain.SideBlock {
		t.Errorf("abandoned branch of ten blocks: state %v, want a side block on disk", got)
	}
	if got := c.State(f.Hash("c3")); got != chain.Unknown {
		t.Errorf("short side branch: state %v, want forgotten", got)
	}
	revival := f.Chain("a10", coretest.Names("a", 11, 321)...)
	probe, err := c.Probe(f.Hash("a10"))
	if err != nil {
		t.Fatal(err)
	}
	if err := probe.Add(coretest.Headers(revival)); err != nil || !probe.Enough() {
		t.Fatalf("probe: %v, enough %v", err, probe.Enough())
	}
	for _, again := range []*chain.Chain{open(t, c.Network(), s), c} { // both from disk
		if _, err := again.AddHeaders(coretest.Headers(revival), core.Work{}); err != nil {
			t.Fatal(err)
		}
		if got := again.Missing(1); len(got) != 1 || got[0] != f.Hash("a11") {
			t.Fatalf("missing %v, want a11 first", got)
		}
	}
	mustAdd(t, c, revival...)
	wantTip(t, c, f, "a321")
}

// TestSideHeadersAreBounded floods a chain with short header branches.
func TestSideHeadersAreBounded(t *testing.T) {
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.MaxSide, cfg.MaxAhead = 20, 10 })
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 5)...)...)
	for i := range 100 {
		b := f.NextWith("a4", coretest.Names("side", i, i)[0], func(h *core.Header) { h.Nonce = uint64(i) << 20 })
		if _, err := c.AddHeaders([]core.Header{b.Header}, core.Work{}); err != nil {
			t.Fatal(err)
		}
		if got := len(c.Forks()); got > 31 {
			t.Fatalf("%d side headers remembered, want at most 31", got)
		}
	}
}

// TestFailedPruneKeepsBlocks has a disk that cannot forget: blocks are connected all the same, and
// nothing is forgotten in memory that is still on disk.
func TestFailedPruneKeepsBlocks(t *testing.T) {
	c, s, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", "a1", "a2", "a3")...)
	mustAdd(t, c, f.Chain("a1", "c2")...)
	failed := 0
	s.Fail = func(ch chain.Change) error {
		if len(ch.Forget) > 0 {
			failed++
			return errors.New("disk on fire")
		}
		return nil
	}
	for _, b := range f.Chain("a3", coretest.Names("a", 4, 300)...) {
		mustAdd(t, c, b)
	}
	wantTip(t, c, f, "a300")
	if failed == 0 || c.State(f.Hash("c2")) != chain.SideBlock {
		t.Errorf("%d failures to forget, state %v", failed, c.State(f.Hash("c2")))
	}
}
