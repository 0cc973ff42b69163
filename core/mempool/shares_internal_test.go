package mempool

import (
	"hash/maphash"
	"testing"

	"p2pchain/core"
)

// TestSharesTellApart holds that a peer and an author that share a slot with a flood in one row have a part
// of their own all the same.
func TestSharesTellApart(t *testing.T) {
	const free = 100_000
	s := newShares(0)
	flood, honest := Origin{Peer: "flood"}, Origin{Peer: "honest"}
	theirs, ours := messageBy(1), messageBy(2)
	for tries := 0; ; tries++ {
		s.seeds = [shareRows]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
		fp, fa := s.slots(theirs, flood)
		hp, ha := s.slots(ours, honest)
		if (fp[0] == hp[0] || fa[0] == ha[0]) && fp[1] != hp[1] && fa[1] != ha[1] {
			break
		}
		if tries == 1_000_000 { // one in 500 does
			t.Fatal("no two names share a slot")
		}
	}
	for s.fits(theirs, flood, free) {
		s.charge(theirs, flood, +1)
	}
	if !s.fits(ours, honest, free) {
		t.Error("an honest peer is held to what a flood holds")
	}
}

func messageBy(author byte) *core.Message {
	m := new(core.Message)
	m.Author[0] = author
	return m
}
