package chain_test

import (
	"errors"
	"os"
	"runtime"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// Headers of branches with too little work take no memory and no disk, however many there are: they are
// refused by AddHeaders, and what a Probe keeps of a branch does not depend on its length. With
// P2PCHAIN_LONG they are a million in 64 branches.
func TestHeaderSpamLeavesNothing(t *testing.T) {
	const branches, page, bound = 64, 2000, 32 << 20
	length := 400
	if os.Getenv("P2PCHAIN_LONG") != "" {
		length = 1_000_000 / branches
	}
	c, s, f := setup(t)
	n := c.Network()
	blocks := coretest.Chain(t, n, f.Tip("genesis"), length+200, 0)
	mustAdd(t, c, blocks...)
	forks, commits, tip := len(c.Forks()), s.Commits(), c.Tip().Hash
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	var probes []*chain.Probe
	for branch := range branches {
		probe, err := c.Probe(n.Genesis)
		if err != nil {
			t.Fatal(err)
		}
		probes = append(probes, probe)
		at := f.Tip("genesis")
		for left := length; left > 0; left -= page {
			headers := make([]core.Header, 0, page)
			for range min(left, page) {
				b := coretest.NextWith(t, n, at, func(h *core.Header) { h.Nonce = uint64(branch+1) << 32 })
				headers, at = append(headers, b.Header), at.After(b)
			}
			if known, err := c.AddHeaders(headers, core.Work{}); known > 0 || err == nil {
				t.Fatalf("branch %d: AddHeaders = %d, %v", branch, known, err)
			} else if left == length && !errors.Is(err, chain.ErrLowWork) {
				t.Fatalf("branch %d: %v, want ErrLowWork", branch, err)
			}
			if err := probe.Add(headers); err != nil {
				t.Fatal(err)
			}
		}
		if probe.End().Header.Height != uint64(length) || probe.Enough() {
			t.Fatalf("branch %d: the probe is at %d, enough: %v", branch, probe.End().Header.Height, probe.Enough())
		}
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%d headers in %d branches: %d KiB", length*branches, branches, grown>>10)
	if grown > bound || grown > 1<<20 && length < 1000 {
		t.Errorf("they left %d KiB in memory", grown>>10)
	}
	if len(c.Forks()) != forks || s.Commits() != commits || c.Tip().Hash != tip {
		t.Errorf("%d forks instead of %d, %d changes of the store instead of %d", len(c.Forks()), forks, s.Commits(), commits)
	}
	runtime.KeepAlive(probes)
}
