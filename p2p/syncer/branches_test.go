package syncer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// ring links a fresh node with others, and starts it.
func ring(s *sim, fresh *model, l Limits, others ...*simNode) *simNode {
	n := s.add(honest, fresh)
	for _, other := range others {
		other.up = true
		s.link(n, other)
	}
	s.boot(n, l)
	return n
}

// branch returns a model of n blocks, each of this work, on genesis.
func branch(w *world, n int, work uint64) *model {
	m := newModel(w)
	for range n {
		if taken, err := m.addBlocks([]core.Hash{w.mine(m.tip(), work)}); taken != 1 {
			panic(err)
		}
	}
	return m
}

// A relay forwards a header before it has connected the block: it must be asked again soon, and is
// no liar.
func TestAnnouncedBeforeConnected(t *testing.T) {
	s := newSim(1)
	served, fresh := newModel(s.world), newModel(s.world)
	extend(served, 10)
	n := star(s, fresh, served, honest)
	relay := s.nodes[1]
	if _, ok := s.run(20*time.Second, reached(n, served)); !ok {
		t.Fatal("not there after 20 s")
	}
	s.run(time.Second, func() bool { return false })
	extend(served, 1) // nobody says so
	for range 5 {
		next := s.world.mine(served.tip(), 100)
		s.step(n, announced{relay.id, s.world.claim(next)})
		s.after(500*time.Millisecond, func() { served.addBlocks([]core.Hash{next}) })
		s.run(5*time.Second, func() bool { return false })
		if fresh.tip() != next {
			t.Errorf("at height %d 5 s after %d was announced", len(fresh.connected)-1, s.world.headers[next].Height)
		}
	}
	if len(n.offences) > 0 {
		t.Errorf("punished %v", n.offences)
	}
}

// What is announced and never comes is forgotten, and asked for a bounded number of times.
func TestAnnouncedForNothing(t *testing.T) {
	s := newSim(1)
	served, fresh := newModel(s.world), newModel(s.world)
	extend(served, 10)
	n := star(s, fresh, served, honest)
	s.run(20*time.Second, reached(n, served))
	before := s.pages
	for i := range 4 {
		lost := s.world.mine(served.tip(), 100)
		for range i {
			lost = s.world.mine(lost, 100)
		}
		s.step(n, announced{s.nodes[1].id, s.world.claim(lost)})
		s.run(20*time.Second, func() bool { return false })
	}
	if asked := s.pages - before; asked < 4*4 || asked > 4*15 {
		t.Errorf("asked %d times", asked)
	}
	if st := n.plan.status(); st.State != Synced || len(n.offences) > 0 {
		t.Errorf("status %+v, punished %v", st, n.offences)
	}
}

func TestWithheldBranch(t *testing.T) {
	for _, kind := range []string{withholding, lacking} {
		for _, work := range []uint64{100, 5000} {
			t.Run(fmt.Sprint(kind, " ", work), func(t *testing.T) {
				s := newSim(11)
				good := branch(s.world, 1000, 100)
				bad := branch(s.world, 64, work)
				fresh := newModel(s.world)
				fresh.maxAhead = 64
				n := ring(s, fresh, DefaultLimits(), s.add(kind, bad))
				s.run(2*time.Second, func() bool { return false })
				if fresh.best != bad.tip() {
					t.Fatal("the headers of the withheld branch did not come first: this tests nothing")
				}
				for range 3 {
					other := s.add(honest, good)
					other.up = true
					s.link(n, other)
					s.hello(n, other)
				}
				took, ok := s.run(3*time.Minute, reached(n, good))
				if !ok {
					t.Fatalf("work %d: at height %d of 1000 after %v; status %+v", work, len(fresh.connected)-1, took, n.plan.status())
				}
				t.Logf("work %d: took %v, punished %v", work, took, n.offences)
				for _, other := range s.nodes[2:] {
					if n.offences[other.id] > 0 {
						t.Error("an honest peer was punished")
					}
				}
			})
		}
	}
}

// A block that comes when its branch was set aside is not thrown away.
func TestBlockOfBranchThatWasSetAside(t *testing.T) {
	w := newWorld()
	m, us := branch(w, 3, 100), newModel(w)
	us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
	now := time.Unix(0, 0)
	p := newPlan(DefaultLimits())
	p.step(now, us.look(1024))
	p.step(now, peerUp{"b", w.claim(w.genesis)})
	asked := find[askBlocks](t, p.step(now, peerUp{"a", w.claim(m.tip())}))
	p.byID["a"].held = true
	var aside []action
	for range 31 {
		if has[setAside](aside) {
			t.Fatal("set aside within 30 s")
		}
		aside = p.step(now, tick{})
		now = now.Add(time.Second)
	}
	if block := find[setAside](t, aside).block; block != m.connected[1] || p.byID["a"].held {
		t.Errorf("set aside %v, held %v", block, p.byID["a"].held)
	}
	us.setAside(m.connected[1])
	p.step(now, us.look(1024))
	a := arrival{hash: m.connected[1], block: w.block(m.connected[1]), size: 500}
	if got := find[connect](t, p.step(now, blockCame{asked.request, a})); !got.loose || got.batch[0].hash != a.hash {
		t.Errorf("connect %+v", got)
	}
}

// The only peer with a better branch goes, and comes back when the branch was set aside.
func TestBranchComesBackWithItsPeer(t *testing.T) {
	s := newSim(16)
	served, fresh := branch(s.world, 50, 100), branch(s.world, 10, 100)
	same := newModel(s.world)
	same.addBlocks(fresh.connected[1:])
	source := s.add(withholding, served)
	n := ring(s, fresh, DefaultLimits(), source, s.add(honest, same))
	s.run(2*time.Second, func() bool { return false })
	s.step(n, peerDown{source.id})
	s.run(time.Minute, func() bool { return false })
	if fresh.best != fresh.tip() || len(fresh.aside) == 0 {
		t.Fatal("the branch was not set aside")
	}
	source.kind = honest
	s.hello(n, source)
	if took, ok := s.run(30*time.Second, reached(n, served)); !ok {
		t.Errorf("at height %d after %v; status %+v", len(fresh.connected)-1, took, n.plan.status())
	}
}

func TestForkBeyondMaxAhead(t *testing.T) {
	coretest.Sequential(t)
	for _, tt := range []struct{ ours, theirs, ahead, peers int }{
		{600, 700, 50, 1}, {600, 700, 200, 3}, {1100, 1490, 1024, 3}, {5000, 6000, 512, 3}, {100, 20000, 512, 2},
	} {
		s := newSim(13)
		ours, theirs := branch(s.world, tt.ours, 100), branch(s.world, tt.theirs, 100)
		ours.maxAhead = tt.ahead
		var others []*simNode
		for range tt.peers {
			others = append(others, s.add(honest, theirs))
		}
		n := ring(s, ours, DefaultLimits(), others...)
		took, ok := s.run(10*time.Minute, reached(n, theirs))
		t.Logf("%+v: %v, %d pages", tt, took, s.pages)
		if !ok || len(n.offences) > 0 {
			t.Errorf("%+v: not healed: status %+v, punished %v", tt, n.plan.status(), n.offences)
		}
	}
}

// The chain that we have grows while the better one is fetched.
func TestForkBeyondMaxAheadWhileMining(t *testing.T) {
	s := newSim(14)
	ours, theirs := branch(s.world, 1000, 100), branch(s.world, 1050, 100)
	ours.maxAhead = 100
	s.latency = func() time.Duration { return 2 * time.Second }
	n := ring(s, ours, DefaultLimits(), s.add(honest, theirs))
	own := ours.tip()
	var mine func()
	mine = func() {
		if ours.tip() != own {
			return
		}
		extend(ours, 1)
		own = ours.tip()
		s.changed(n)
		extend(theirs, 1)
		s.after(3*time.Second, mine)
		s.hello(n, s.nodes[0])
	}
	s.after(time.Second, mine)
	if took, ok := s.run(20*time.Minute, reached(n, theirs)); !ok || len(n.offences) > 0 {
		t.Errorf("after %v: status %+v, punished %v", took, n.plan.status(), n.offences)
	}
}

func TestBodilessPeer(t *testing.T) {
	for _, tt := range []struct {
		name  string
		kinds []string
		bare  int
	}{
		{"one of two", []string{bodiless, honest}, 0},
		{"most", []string{bodiless, bodiless, bodiless, honest}, 0},
		{"all", []string{bodiless, bodiless}, 200},
		{"and nobody else answers", []string{bodiless, silent, lacking}, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(15)
			served := newModel(s.world)
			extend(served, 200)
			n := star(s, newModel(s.world), served, tt.kinds...)
			took, ok := s.run(10*time.Minute, reached(n, served))
			t.Logf("took %v, punished %v", took, n.offences)
			if tt.bare > 0 && took < asideAfter {
				t.Errorf("took blocks without bodies after %v, before others had a chance", took)
			}
			if !ok || n.bare != tt.bare {
				t.Errorf("after %v: %d blocks without bodies, want %d; status %+v", took, n.bare, tt.bare, n.plan.status())
			}
		})
	}
}

// A new block that nobody has whole is refused by the chain: its branch must not hold us up.
func TestBodilessBranchIsSetAside(t *testing.T) {
	w := newWorld()
	m, us := branch(w, 3, 100), newModel(w)
	us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
	now := time.Unix(0, 0)
	p := newPlan(DefaultLimits())
	p.step(now, us.look(1024))
	p.step(now, peerUp{"b", w.claim(w.genesis)})
	bare := w.block(m.connected[1])
	bare.Messages = []*core.Message{{}}
	actions := p.step(now, peerUp{"a", w.claim(m.tip())})
	refused := 0
	for now.Before(time.Unix(60, 0)) {
		var more []action
		for _, a := range actions {
			switch a := a.(type) {
			case askBlocks:
				more = append(more, p.step(now, blockCame{a.request, arrival{hash: m.connected[1], block: bare, size: 500}})...)
				more = append(more, p.step(now, blocksDone{a.request, nil})...)
			case connect:
				refused++
				more = append(more, p.step(now, connected{batch: a.batch, err: consensus.ErrBodyMissing, chain: us.look(1024)})...)
			case setAside:
				if a.block != m.connected[1] || refused == 0 {
					t.Errorf("set aside %v after it was refused %d times", a.block, refused)
				}
				return
			}
		}
		if len(more) == 0 {
			now = now.Add(100 * time.Millisecond)
			more = p.step(now, tick{})
		}
		actions = more
	}
	t.Errorf("not set aside after a minute; refused %d times", refused)
}

// The window is full by its bytes, not by its blocks.
func TestSlowDripDoesNotHoldTheBytes(t *testing.T) {
	s := newSim(8)
	served := newModel(s.world)
	extend(served, 3000)
	l := DefaultLimits()
	l.WindowBytes = 500 * 64
	n := ring(s, newModel(s.world), l, s.add(dripping, served), s.add(dripping, served), s.add(dripping, served), s.add(honest, served))
	if took, ok := s.run(3*time.Minute, reached(n, served)); !ok {
		t.Errorf("at height %d after %v; status %+v", len(n.model.connected)-1, took, n.plan.status())
	}
}

func TestSlowPeersBreakNoRule(t *testing.T) {
	if got := consensus.ClassOf(ErrStalled); got == consensus.Broken || got == consensus.Fault {
		t.Errorf("ErrStalled is of class %q: a slow line would be banned, or taken for our fault", got)
	}
}

// The same on a real chain.
func TestSyncerHealsForkBeyondMaxAhead(t *testing.T) {
	for _, name := range []string{"classic", "test"} {
		n := coretest.Builtin(t, name, func(p *core.Params) {
			if p.Pow == core.PowClassic {
				p.Difficulty = 1
			}
		})
		t.Run(name, func(t *testing.T) { healFork(t, n) })
	}
}

func healFork(t *testing.T, n *core.Network) {
	ours := coretest.Chain(t, n, coretest.Genesis(n), 200, 1) // the first 64 of theirs have enough work to be taken
	fork := coretest.Genesis(n)
	for _, b := range ours[:10] {
		fork = fork.After(b)
	}
	first := coretest.Next(t, n, fork, coretest.Messages(t, n, "other", 1)...)
	theirs := append(ours[:10:10], first)
	theirs = append(theirs, coretest.Chain(t, n, fork.After(first), 300, 1)...)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * 365 * 24 * time.Hour)
		x := &served{chains: map[peer.ID]*chain.Chain{"a": node(t, n, theirs)}}
		cfg := chain.DefaultConfig()
		cfg.Log, cfg.MaxAhead = quiet(), 64
		c, err := chain.Open(n, coretest.NewMemStore(n), cfg)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(ours); i += 50 {
			if _, err := c.AddBlocks(ours[i : i+50]); err != nil {
				t.Fatal(err)
			}
		}
		s := start(t, c, x)
		s.PeerUp("a", claimOfChain(x.chains["a"]))
		settle(t, c, x.chains["a"].Tip().Hash)
		if err := x.why("a"); err != nil {
			t.Errorf("punished for %v", err)
		}
	})
}

func TestSyncerWantsBodies(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 100, 2)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour)
		x := &served{chains: map[peer.ID]*chain.Chain{"bare": node(t, n, blocks), "whole": node(t, n, blocks)}}
		x.mutateOf = map[peer.ID]func(*core.Block) *core.Block{"bare": coretest.WithoutBodies}
		c := node(t, n, nil)
		s := start(t, c, x)
		s.PeerUp("bare", claimOfChain(x.chains["bare"]))
		s.PeerUp("whole", claimOfChain(x.chains["whole"]))
		settle(t, c, blocks[99].Header.Hash())
		for _, b := range blocks {
			got, err := c.Block(b.Header.Hash())
			if a := (arrival{block: got}); err != nil || !a.whole() {
				t.Fatalf("block %d is stored without its bodies (%v)", b.Header.Height, err)
			}
		}
	})
}
