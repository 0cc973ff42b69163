package syncer

import (
	"errors"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// extend mines n blocks of 100 work on the model's tip.
func extend(m *model, n int) {
	for range n {
		hash := m.world.mine(m.tip(), 100)
		if taken, err := m.addBlocks([]core.Hash{hash}); taken != 1 {
			panic(err)
		}
	}
}

// large are limits with which no block counts as small, so that a sync takes some time.
func large() Limits {
	l := DefaultLimits()
	l.SmallBytes = 1
	return l
}

// star links one fresh node with peers of these kinds, whose chain is given.
func star(s *sim, fresh *model, served *model, kinds ...string) *simNode {
	n := s.add(honest, fresh)
	for _, kind := range kinds {
		s.link(n, s.add(kind, served))
	}
	for _, other := range s.nodes[1:] {
		other.up = true
	}
	s.boot(n, large())
	return n
}

// reached reports whether a node has the tip of another's chain.
func reached(n *simNode, m *model) func() bool {
	return func() bool { return n.model.tip() == m.tip() }
}

func TestLateJoinerCatchesUp(t *testing.T) {
	s := newSim(1)
	served := newModel(s.world)
	extend(served, 5000)
	n := star(s, newModel(s.world), served, honest, honest, honest)
	took, ok := s.run(time.Minute, reached(n, served))
	if !ok {
		t.Fatalf("at height %d of 5000 after a minute; status %+v", len(n.model.connected)-1, n.plan.status())
	}
	t.Logf("5000 blocks from 3 peers in %v", took)
	if st := n.plan.status(); st.Height != 5000 || st.Peers != 3 {
		t.Errorf("status %+v", st)
	}
	if len(n.offences) > 0 {
		t.Errorf("punished %v", n.offences)
	}
}

func TestBlocksComeFromAllPeers(t *testing.T) {
	took := make(map[int]time.Duration)
	for _, peers := range []int{1, 4} {
		s := newSim(2)
		served := newModel(s.world)
		extend(served, 2000)
		var others []*simNode
		for range peers {
			others = append(others, s.add(honest, served))
		}
		n := ring(s, newModel(s.world), large(), others...)
		d, ok := s.run(5*time.Minute, reached(n, served))
		if !ok {
			t.Fatalf("%d peers: not there after 5 min", peers)
		}
		took[peers] = d
	}
	if took[4] > took[1]/2 {
		t.Errorf("four peers took %v, one took %v", took[4], took[1])
	}
}

// Small blocks are asked for in few requests, but only of peers that are quick.
func TestSmallBlocksInFewRequests(t *testing.T) {
	coretest.Sequential(t)
	for kind, want := range map[string]struct{ requests, most int }{honest: {80, 128}, dripping: {400, 16}} {
		t.Run(kind, func(t *testing.T) {
			s := newSim(2)
			served := newModel(s.world)
			extend(served, 3000)
			n := ring(s, newModel(s.world), DefaultLimits(), s.add(kind, served))
			if _, ok := s.run(3*time.Hour, reached(n, served)); !ok {
				t.Fatalf("at height %d; status %+v", len(n.model.connected)-1, n.plan.status())
			}
			if s.requests > want.requests || s.most > want.most {
				t.Errorf("%d requests of up to %d blocks, want %d of %d at most", s.requests, s.most, want.requests, want.most)
			}
		})
	}
}

func TestDeepForkNeedsTwoPasses(t *testing.T) {
	coretest.Sequential(t)
	s := newSim(3)
	ours, theirs := newModel(s.world), newModel(s.world)
	extend(ours, 3000)
	extend(theirs, 3500)
	n := star(s, ours, theirs, honest)
	if _, err := ours.addHeaders(theirs.headersAfter(nil, 2000), core.Work{}); err == nil {
		t.Fatal("the first page of the branch has enough work: this tests nothing")
	}
	if took, ok := s.run(time.Minute, reached(n, theirs)); !ok {
		t.Fatalf("fork of 3000 blocks not healed after %v; status %+v", took, n.plan.status())
	}
	if len(n.offences) > 0 {
		t.Errorf("punished %v", n.offences)
	}
}

func TestLowWorkBranchIsNotRemembered(t *testing.T) {
	for _, kind := range []string{headerSpam, swapping} {
		t.Run(kind, func(t *testing.T) {
			s := newSim(4)
			ours, theirs := newModel(s.world), newModel(s.world)
			extend(ours, 3000)
			extend(theirs, 3500)
			n := star(s, ours, theirs, kind)
			before := len(ours.known)
			s.run(time.Minute, func() bool { return false })
			if got := len(ours.known) - before; got > 0 {
				t.Errorf("%d headers of little work are remembered", got)
			}
			if ours.tip() != n.model.connected[3000] || len(n.model.connected) != 3001 {
				t.Errorf("the tip moved")
			}
		})
	}
}

func TestHostilePeers(t *testing.T) {
	clean := func() time.Duration {
		s := newSim(5)
		served := newModel(s.world)
		extend(served, 1500)
		n := star(s, newModel(s.world), served, honest)
		d, _ := s.run(10*time.Minute, reached(n, served))
		return d
	}()
	for _, tt := range []struct {
		kind     string
		punished bool
	}{
		{silent, true}, {liar, false}, {withholding, true}, {dripping, false}, {mutating, true},
		{offTopic, true}, {headerSpam, false}, {failing, false},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			s := newSim(5)
			served := newModel(s.world)
			extend(served, 1500)
			kinds := []string{}
			for range 9 {
				kinds = append(kinds, tt.kind)
			}
			n := star(s, newModel(s.world), served, append(kinds, honest)...)
			took, ok := s.run(10*time.Minute, reached(n, served))
			if !ok {
				t.Fatalf("at height %d of 1500 after 10 min; status %+v", len(n.model.connected)-1, n.plan.status())
			}
			t.Logf("%v, clean %v, %d punished", took, clean, len(n.offences))
			if took > 3*clean+20*time.Second {
				t.Errorf("took %v, clean %v", took, clean)
			}
			last := s.nodes[len(s.nodes)-1]
			if n.offences[last.id] > 0 {
				t.Error("the honest peer was punished")
			}
			s.run(time.Minute, func() bool { return false })
			if tt.punished && len(n.offences) != 9 {
				t.Errorf("%d of 9 punished", len(n.offences))
			}
		})
	}
}

// A peer that delivers, but ever so slowly, must not keep the window from moving.
func TestSlowDripDoesNotHoldTheWindow(t *testing.T) {
	s := newSim(8)
	served := newModel(s.world)
	extend(served, 3000)
	n := star(s, newModel(s.world), served, dripping, honest)
	took, ok := s.run(10*time.Minute, reached(n, served))
	t.Logf("took %v", took)
	if !ok || took > 40*time.Second {
		t.Errorf("took %v; status %+v", took, n.plan.status())
	}
}

// A chain that takes no more headers before it has blocks is not asked in vain.
func TestHeadersWaitForBlocks(t *testing.T) {
	s := newSim(9)
	served, fresh := newModel(s.world), newModel(s.world)
	fresh.maxAhead = 1024
	extend(served, 5000)
	n := star(s, fresh, served, honest)
	if took, ok := s.run(5*time.Minute, reached(n, served)); !ok {
		t.Fatalf("not there after %v; status %+v", took, n.plan.status())
	}
	if s.pages > 5000/512+10 {
		t.Errorf("asked %d times for headers", s.pages)
	}
}

// A lone slow peer is better than none.
func TestLoneSlowPeerIsKept(t *testing.T) {
	s := newSim(6)
	s.latency = func() time.Duration { return 4 * time.Second }
	served := newModel(s.world)
	extend(served, 200)
	n := star(s, newModel(s.world), served, honest)
	if took, ok := s.run(time.Hour, reached(n, served)); !ok {
		t.Fatalf("not there after %v; status %+v", took, n.plan.status())
	}
	if len(n.offences) > 0 {
		t.Error("the only peer was punished for its line")
	}
}

func TestMemoryStaysInTheWindow(t *testing.T) {
	p := newPlan(DefaultLimits())
	w := newWorld()
	m := newModel(w)
	extend(m, 1024)
	now := time.Unix(0, 0)
	e := newModel(w)
	e.addHeaders(m.headersAfter(nil, 2000), core.Work{})
	p.step(now, e.look(1024))
	p.step(now, peerUp{"a", w.claim(m.tip())})
	for i := 1024; i > 1; i-- { // all but the first, so that nothing can be connected
		hash := m.connected[i]
		p.step(now, offered{arrival{hash: hash, block: w.block(hash), size: 1 << 20}})
		if p.window.bytes > 32<<20 {
			t.Fatalf("%d bytes are held", p.window.bytes)
		}
	}
	if p.window.bytes < 31<<20 {
		t.Errorf("only %d bytes are held", p.window.bytes)
	}
}

func TestOfferedBlockOfAnotherBranch(t *testing.T) {
	s := newSim(7)
	ours := newModel(s.world)
	extend(ours, 10)
	n := star(s, ours, ours, honest)
	side := s.world.mine(ours.connected[9], 200)
	s.step(n, offered{arrival{hash: side, block: s.world.block(side), size: 500}})
	if _, ok := s.run(time.Second, func() bool { return ours.tip() == side }); !ok {
		t.Error("a better block that was offered did not become the tip")
	}
}

// TestLooseBlocksAreBounded offers more large blocks of another branch than may be kept while the chain
// judges the first one.
func TestLooseBlocksAreBounded(t *testing.T) {
	w := newWorld()
	p := newPlan(DefaultLimits())
	size := p.limits.WindowBytes / 8
	for range maxLoose {
		hash := w.mine(w.genesis, 1)
		p.step(time.Unix(0, 0), offered{arrival{hash: hash, block: w.block(hash), size: size}})
	}
	kept := 0
	for _, a := range p.loose {
		kept += a.size
	}
	if kept == 0 || kept > p.limits.WindowBytes/2 {
		t.Errorf("%d bytes of loose blocks are kept, want some and at most %d", kept, p.limits.WindowBytes/2)
	}
}

func TestRefusedBlock(t *testing.T) {
	now := time.Unix(0, 0)
	for _, tt := range []struct {
		name     string
		err      error
		punished bool
		refetch  bool
	}{
		{"broken rule", consensus.ErrSignature, true, true},
		{"misfit", consensus.ErrMessageRoot, true, true},
		{"body missing", consensus.ErrBodyMissing, false, true},
		{"own fault", errors.New("disk"), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			m, us := newModel(w), newModel(w)
			extend(m, 1)
			us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
			p := newPlan(DefaultLimits())
			p.step(now, us.look(1024))
			asked := find[askBlocks](t, p.step(now, peerUp{"a", w.claim(m.tip())}))
			a := arrival{hash: m.tip(), block: w.block(m.tip()), size: 500}
			batch := find[connect](t, p.step(now, blockCame{asked.request, a})).batch
			p.step(now, blocksDone{asked.request, nil})
			actions := p.step(now, connected{batch: batch, err: tt.err, chain: us.look(1024)})
			if got := has[punish](actions); got != tt.punished {
				t.Errorf("punished: %v", got)
			}
			again := p.step(now, peerUp{"b", w.claim(m.tip())})
			if got := has[askBlocks](again); got != tt.refetch {
				t.Errorf("asked another peer: %v", got)
			}
			later := p.step(now.Add(ownFaultPause), tick{})
			if got := has[connect](later); got == tt.refetch {
				t.Errorf("tried the same block again: %v", got)
			}
		})
	}
}

func has[A action](actions []action) bool {
	for _, a := range actions {
		if _, ok := a.(A); ok {
			return true
		}
	}
	return false
}

func find[A action](t *testing.T, actions []action) A {
	t.Helper()
	for _, a := range actions {
		if a, ok := a.(A); ok {
			return a
		}
	}
	var none A
	t.Fatalf("no %T in %v", none, actions)
	return none
}
