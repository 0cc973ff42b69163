package chain_test

import (
	"errors"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

func TestSubscribePokesOnce(t *testing.T) {
	c, _, f := setup(t)
	poke, stop := c.Subscribe()
	mustAdd(t, c, f.Chain("genesis", "a1")...)
	mustAdd(t, c, f.Chain("a1", "a2")...)
	<-poke
	select {
	case <-poke:
		t.Error("a follower that did not look was poked twice")
	default:
	}
	stop()
	mustAdd(t, c, f.Chain("a2", "a3")...)
	select {
	case <-poke:
		t.Error("poked after the end")
	default:
	}
}

func TestUpdatesInSteps(t *testing.T) {
	c, _, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 10)...)...)
	at := c.Network().Genesis
	var seen []core.Hash
	for {
		u, err := c.UpdatesSince(at, 3)
		if err != nil {
			t.Fatal(err)
		}
		if u.Tip == at {
			break
		}
		seen, at = append(seen, u.Applied...), u.Tip
	}
	if len(seen) != 10 || at != f.Hash("a10") {
		t.Errorf("saw %d blocks, ended at %v", len(seen), at)
	}
	if _, err := c.UpdatesSince(core.Hash{1}, 3); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("from nowhere: %v, want ErrNotFound", err)
	}
}

// TestLocator has two chains that share a trunk of 40 find their last common block in one round.
func TestLocator(t *testing.T) {
	ours, _, f := setup(t)
	trunk := f.Chain("genesis", coretest.Names("t", 1, 40)...)
	mustAdd(t, ours, trunk...)
	theirs := open(t, ours.Network(), coretest.NewMemStore(ours.Network()))
	mustAdd(t, theirs, trunk...)
	mustAdd(t, ours, f.Chain("t40", coretest.Names("a", 1, 30)...)...)
	mustAdd(t, theirs, f.Chain("t40", coretest.Names("b", 1, 5)...)...)

	locator := theirs.Locator()
	if len(locator) > 20 || locator[0] != f.Hash("b5") || locator[len(locator)-1] != ours.Network().Genesis {
		t.Fatalf("locator of %d from %v", len(locator), locator[0])
	}
	headers, err := ours.HeadersAfter(locator, 2000)
	if err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(headers, func(h core.Header) bool { return h.Height == 41 })
	if first < 0 || headers[first].Hash() != f.Hash("a1") || headers[len(headers)-1].Hash() != f.Hash("a30") {
		t.Fatalf("%d headers, a1 at %d", len(headers), first)
	}
	if n, err := theirs.AddHeaders(headers, core.Work{}); err != nil || n != len(headers) {
		t.Fatalf("AddHeaders = %d, %v", n, err)
	}
	if got := theirs.Locator()[0]; got != f.Hash("a30") {
		t.Errorf("locator starts at %v, want the best header", got)
	}
	if headers, err := ours.HeadersAfter(nil, 3); err != nil || len(headers) != 3 || headers[0].Height != 1 {
		t.Errorf("without a locator: %d headers, %v", len(headers), err)
	}
}
