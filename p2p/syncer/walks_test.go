package syncer

import (
	"testing"
	"time"

	"p2pchain/core"
)

// Headers without end must not keep us from a peer that has something.
func TestFirstPassesLeaveSessionsToOthers(t *testing.T) {
	s := newSim(4)
	ours := newModel(s.world)
	extend(ours, 3000)
	theirs := *ours
	theirs.connected = append([]core.Hash(nil), ours.connected...)
	theirs.known, theirs.stored = map[core.Hash]bool{}, map[core.Hash]bool{}
	for _, hash := range ours.connected {
		theirs.known[hash], theirs.stored[hash] = true, true
	}
	var others []*simNode
	for range 6 {
		others = append(others, s.add(endless, &theirs))
	}
	good := s.add(honest, &theirs)
	l := DefaultLimits()
	l.HeadersPage = 50 // so that the simulation is quick
	n := ring(s, ours, l, append(others, good)...)
	s.run(time.Minute, func() bool { return false })
	extend(&theirs, 20)
	s.step(n, peerUp{good.id, s.world.claim(theirs.tip())})
	if took, ok := s.run(20*time.Second, reached(n, &theirs)); !ok {
		t.Errorf("at height %d after %v; %d sessions", len(ours.connected)-1, took, n.plan.sessions)
	}
}

// Peers whose headers never end take turns in what is slow. They hardly delay a peer with a deep fork,
// whose branch needs a first pass too.
func TestEndlessFirstPassesDoNotDelayAFork(t *testing.T) {
	fork := func(hostile int) time.Duration {
		s := newSim(14)
		ours, theirs := newModel(s.world), branch(s.world, 1400, 50)
		extend(ours, 600)
		var others []*simNode
		for range hostile {
			others = append(others, s.add(endless, ours))
		}
		l := large()
		l.HeadersPage = 100 // so that the simulation is quick
		n := ring(s, ours, l, others...)
		s.run(20*time.Second, func() bool { return false }) // they are well under way
		good := s.add(honest, theirs)
		good.up = true
		s.link(n, good)
		s.step(n, peerUp{good.id, s.world.claim(theirs.tip())})
		took, ok := s.run(10*time.Minute, reached(n, theirs))
		if !ok {
			t.Fatalf("with %d hostile peers: at height %d; status %+v", hostile, len(n.model.connected)-1, n.plan.status())
		}
		return took
	}
	clean := fork(0)
	for _, hostile := range []int{2, 6} {
		if took := fork(hostile); took > 2*clean+time.Second {
			t.Errorf("%d endless peers: %v, clean %v", hostile, took, clean)
		}
	}
}
