package syncer

import (
	"testing"
	"time"

	"p2pchain/core"
)

// The status says what a progress display needs, at every stage of a sync.
func TestStatusFollowsTheSync(t *testing.T) {
	s := newSim(3)
	served := newModel(s.world)
	extend(served, 3000)
	fresh := newModel(s.world)
	n := s.add(honest, fresh)
	s.link(n, s.add(honest, served))
	s.nodes[1].up = true
	s.boot(n, large())
	if st := n.plan.status(); st.State != Alone || st.Target != 0 {
		t.Errorf("without peers: %+v", st)
	}
	seen := map[State]Status{}
	s.run(time.Hour, func() bool {
		st := n.plan.status()
		if _, known := seen[st.State]; !known {
			seen[st.State] = st
		}
		return n.model.tip() == served.tip() && st.State == Synced
	})
	if st := seen[Headers]; st.Target != 3000 || st.Height != 0 {
		t.Errorf("fetching headers: %+v", st)
	}
	if st := seen[Fetching]; st.Target != 3000 || st.BestHeader == 0 {
		t.Errorf("fetching blocks: %+v", st)
	}
	if st := seen[Synced]; st.Height != 3000 || st.Target != 3000 {
		t.Errorf("at the end: %+v", st)
	}
}

// A first pass shows how far it came, though nothing of it is kept.
func TestStatusShowsFirstPass(t *testing.T) {
	s := newSim(6)
	ours, theirs := newModel(s.world), newModel(s.world)
	extend(ours, 600)
	at := theirs.world.genesis
	for range 1400 {
		at = s.world.mine(at, 50)
		theirs.addHeaders([]core.Header{s.world.headers[at]}, core.Work{})
		theirs.known[at], theirs.stored[at] = true, true
	}
	theirs.moveTip(at)
	theirs.best = at
	l := large()
	l.HeadersPage = 100
	other := s.add(honest, theirs)
	n := ring(s, ours, l, other)
	walked := uint64(0)
	s.run(time.Minute, func() bool {
		walked = max(walked, n.plan.status().Walked)
		return n.model.tip() == at
	})
	if walked < 400 {
		t.Errorf("walked %d", walked)
	}
}
