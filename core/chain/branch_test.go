package chain_test

import (
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// TestDeepForkHeals has a fork that is deeper than headers may run ahead: a node of the losing branch
// must fetch the winning one piece by piece, although for most of the way it has less work.
func TestDeepForkHeals(t *testing.T) {
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.MaxAhead = 10 })
	for _, b := range f.Chain("genesis", coretest.Names("a", 1, 50)...) {
		mustAdd(t, c, b)
	}
	branch := f.Chain("genesis", coretest.Names("b", 1, 60)...)
	headers := coretest.Headers(branch)
	if n, err := c.AddHeaders(headers, core.Work{}); n != 10 || err != nil {
		t.Fatalf("AddHeaders = %d, %v; want 10", n, err)
	}
	if got := c.Missing(1); len(got) != 0 {
		t.Fatal("a branch of less work is fetched without proof that it has more")
	}
	probe, err := c.Probe(c.Network().Genesis)
	if err != nil {
		t.Fatal(err)
	}
	if err := probe.Add(headers); err != nil {
		t.Fatal(err)
	}
	proven := probe.End().Header.Work
	for known := 0; known < len(headers); {
		n, err := c.AddHeaders(headers, proven)
		if err != nil || n <= known {
			t.Fatalf("AddHeaders = %d after %d, %v", n, known, err)
		}
		if best := c.BestHeader().Header.Height; best != uint64(n) {
			t.Fatalf("best header at %d of %d", best, n)
		}
		missing := c.Missing(100)
		if len(missing) != min(10, n) || missing[len(missing)-1] != branch[n-1].Header.Hash() {
			t.Fatalf("%d blocks missing up to %d", len(missing), n)
		}
		mustAdd(t, c, branch[n-len(missing):n]...)
		known = n
	}
	wantTip(t, c, f, "b60")
}

// TestPromiseLapses has the peers that proved a better branch go away half-way: what is best is what
// is here again.
func TestPromiseLapses(t *testing.T) {
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.MaxAhead = 10 })
	for _, b := range f.Chain("genesis", coretest.Names("a", 1, 50)...) {
		mustAdd(t, c, b)
	}
	branch := f.Chain("genesis", coretest.Names("b", 1, 60)...)
	if _, err := c.AddHeaders(coretest.Headers(branch), branch[59].Header.Work); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, c, branch[:10]...)
	if best := c.BestHeader(); best.Hash != f.Hash("a50") {
		t.Fatalf("best header at height %d, want the tip", best.Header.Height)
	}
	next := f.Chain("a50", "a51")[0]
	if _, err := c.AddHeaders([]core.Header{next.Header}, core.Work{}); err != nil {
		t.Fatal(err)
	}
	if got := c.Missing(9); len(got) != 1 || got[0] != f.Hash("a51") {
		t.Errorf("missing %v, want a51", got)
	}
}

func TestSetAside(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.Now = func() time.Time { return now } })
	mustAdd(t, c, f.Chain("genesis", "r1")...)
	withheld := f.Chain("r1", "w2", "w3", "w4", "w5")
	if _, err := c.AddHeaders(coretest.Headers(withheld), core.Work{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddHeaders(coretest.Headers(f.Chain("r1", "h2", "h3")), core.Work{}); err != nil {
		t.Fatal(err)
	}
	wantMissing := func(what, name string) {
		t.Helper()
		if got := c.Missing(1); len(got) != 1 || got[0] != f.Hash(name) {
			t.Errorf("%s: missing %v, want %s first", what, got, name)
		}
	}
	wantMissing("two branches", "w2")
	c.SetAside(f.Hash("w2"))
	wantMissing("set aside", "h2")
	more := f.Chain("w5", "w6")
	if _, err := c.AddHeaders(coretest.Headers(more), core.Work{}); err != nil {
		t.Fatal(err)
	}
	wantMissing("grown while aside", "h2")
	mustAdd(t, c, withheld[0])
	wantMissing("a block of it came", "w3")
	c.SetAside(f.Hash("w3"))
	wantMissing("set aside again", "h2")
	mustAdd(t, c, f.Block("h2"), f.Block("h3"))
	wantTip(t, c, f, "h3")
	now = now.Add(10 * time.Minute)
	if _, err := c.AddHeaders(coretest.Headers(more), core.Work{}); err != nil {
		t.Fatal(err)
	}
	wantMissing("ten minutes later", "w3")
	mustAdd(t, c, append(withheld[1:], more...)...)
	wantTip(t, c, f, "w6")
}
