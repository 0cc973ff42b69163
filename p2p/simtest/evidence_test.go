package simtest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/p2ptest"
)

// atOnce is less than the time after which a syncer tries a block that nobody has whole.
const atOnce = 15 * time.Second

// On an idle network the last blocks are settled by age only, and whoever comes later sees their headers for
// the first time. What authors had erased in them keeps nobody out, wherever the message is that asks for it.
func TestErasureOnAnIdleNetwork(t *testing.T) {
	places := []string{"the next block", "the same block", "a block without all its bodies", "no block"}
	random.Source(t).Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, where := range places[:size(1, len(places))] { // an idle hour of each takes seconds
		t.Run(where, func(t *testing.T) {
			start, n := random.Seed(t), coretest.Network(t)
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond})
				nodes := []*simNode{s.Start(n, config{}), s.Start(n, config{Dials: []int{0}}), s.Start(n, config{Dials: []int{0, 1}})}
				secret, other := coretest.Message(t, n, coretest.Key(0), "a secret"), coretest.Message(t, n, coretest.Key(0), "another")
				asks := []*core.Message{asks(t, n, 0, secret.ID), asks(t, n, 0, other.ID)}
				nodes[0].Say(secret, other, asks[0], asks[1])
				first := []*core.Message{secret, other}
				switch where {
				case "the next block":
					seal(t, s, nodes[0], 0, first...)
					seal(t, s, nodes[0], 0, asks...)
				case "the same block":
					seal(t, s, nodes[0], 1, append(first, asks...)...)
				case "a block without all its bodies":
					seal(t, s, nodes[0], 0, secret)
					seal(t, s, nodes[0], 0, asks[0], other)
					seal(t, s, nodes[0], 0, asks[1])
				default:
					seal(t, s, nodes[0], 1, first...)
				}
				time.Sleep(90 * time.Minute)
				if !forgot(t, secret.ID, asks[0].ID, nodes...)() || !forgot(t, other.ID, asks[1].ID, nodes...)() {
					t.Fatal("a body is still here: this test finds nothing")
				}
				late := s.Start(n, config{Dials: []int{0, 1, 2}})
				limit := atOnce
				if where == "no block" {
					limit = 2 * time.Minute // what waits is told when nodes compare it
				}
				s.Within(limit, "the late one synced", s.Agree)
				s.Within(time.Minute, "and knows why", forgot(t, secret.ID, asks[0].ID, late))
				if lowest, gaps := lowestFull(t, late), late.Store.Bodies().Gaps; lowest != 0 || gaps != 0 {
					t.Errorf("%d gaps, bodies from %d on: what was erased is none", gaps, lowest)
				}
				s.NobodyAccused()
				s.CheckStores()
			})
		})
	}
}

// Without an author's wish a block waits for its bodies until it is settled: its own time, which is its
// miner's word, and wishes of others do not count, nor do an author's for a node that honours none.
func TestBareBlockWithoutEvidence(t *testing.T) {
	cases, run := map[string]int{"nothing": -1, "a foreign author": 1, "not honoured": 0}, 0
	for name, key := range cases { // in any order
		if run++; run > size(1, len(cases)) {
			break
		}
		t.Run(name, func(t *testing.T) {
			start, n := random.Seed(t), coretest.Network(t)
			synctest.Test(t, func(t *testing.T) {
				s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond})
				miner := s.Start(n, config{Keeps: true}) // what goes there, its operator erases
				time.Sleep(3 * time.Hour)
				secret := coretest.Message(t, n, coretest.Key(0), "a secret")
				seal(t, s, miner, 0, secret) // dated back to the start
				sealed := miner.Chain.Tip().Header
				if age := time.Since(time.UnixMilli(int64(sealed.TimeMS))); age < 2*time.Hour {
					t.Fatalf("the block is %v old by its own time: this test finds nothing", age)
				}
				if key >= 0 {
					seal(t, s, miner, 0, asks(t, n, key, secret.ID))
				}
				if _, err := miner.Store.Erase(chain.Erasure{ID: secret.ID, TimeMS: uint64(time.Now().Add(2 * time.Hour).UnixMilli())}); err != nil || has(t, miner, secret.ID) {
					t.Fatalf("the body is still here (%v): this test finds nothing", err)
				}
				late := s.Start(n, config{Dials: []int{0}, Keeps: name == "not honoured"})
				s.Within(time.Minute, "the headers", func() bool { return late.Chain.BestHeader().Header.Height >= sealed.Height })
				for range 11 {
					time.Sleep(5 * time.Minute)
					if late.Chain.Tip().Header.Height > 0 {
						t.Fatal("a block that is not settled was connected without its body, and without a reason")
					}
				}
				s.Within(20*time.Minute, "the block settled", s.Agree)
				s.NobodyAccused()
			})
		})
	}
}

// A wish that comes while a node waits for bodies ends its wait.
func TestEvidenceComesLater(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond})
		miner := s.Start(n, config{})
		secret := coretest.Message(t, n, coretest.Key(0), "a secret")
		seal(t, s, miner, 0, secret)
		time.Sleep(time.Hour)
		if _, err := miner.Store.Erase(chain.Erasure{ID: secret.ID, TimeMS: uint64(time.Now().UnixMilli())}); err != nil || has(t, miner, secret.ID) {
			t.Fatalf("the body is still here (%v): this test finds nothing", err)
		}
		late := s.Start(n, config{Dials: []int{0}})
		s.Within(time.Minute, "the headers", func() bool { return late.Chain.BestHeader().Header.Height > 0 })
		time.Sleep(40 * time.Second)
		if s.Agree() {
			t.Fatal("the block was connected without a reason")
		}
		miner.Say(asks(t, n, 0, secret.ID))
		s.Within(5*time.Second, "the late one synced", s.Agree)
		s.NobodyAccused()
		s.CheckStores()
	})
}

// A block that lacks what its author erased and what an operator erased is complete once somebody brings the
// latter.
func TestEvidenceAndBodiesOfOthers(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond})
		nodes := []*simNode{s.Start(n, config{}), s.Start(n, config{Dials: []int{0}})}
		secret := coretest.Message(t, n, coretest.Key(0), "a secret")
		local := []*core.Message{coretest.Message(t, n, coretest.Key(1), "erased by one"), coretest.Message(t, n, coretest.Key(1), "erased by the other")}
		ask := asks(t, n, 0, secret.ID)
		nodes[0].Say(append(slices.Clone(local), secret, ask)...)
		seal(t, s, nodes[0], 0, append(slices.Clone(local), secret)...)
		seal(t, s, nodes[0], 0, ask)
		time.Sleep(90 * time.Minute)
		for i, node := range nodes {
			if _, err := node.Store.Erase(chain.Erasure{ID: local[i].ID, TimeMS: uint64(time.Now().UnixMilli())}); err != nil || has(t, node, local[i].ID) || has(t, node, secret.ID) {
				t.Fatalf("a body is still here (%v): this test finds nothing", err)
			}
		}
		late := s.Start(n, config{Dials: []int{0, 1}})
		s.Within(2*atOnce, "the late one synced", s.Agree)
		for _, m := range local {
			if !has(t, late, m.ID) {
				t.Error("a body that somebody has is not here")
			}
		}
		s.NobodyAccused()
		s.CheckStores()
	})
}

// Nobody brings back what was erased: a peer that pushes it as a waiting message, in blocks of a better
// branch and in answer to whatever it is asked is believed in all but this.
func TestPushedBodyStaysAway(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond})
		nodes := []*simNode{s.Start(n, config{}), s.Start(n, config{Dials: []int{0}})}
		secret, again := coretest.Message(t, n, coretest.Key(0), "a secret"), coretest.Message(t, n, coretest.Key(0), "another secret")
		asks := []*core.Message{asks(t, n, 0, secret.ID), asks(t, n, 0, again.ID)}
		nodes[0].Say(secret, again, asks[0], asks[1])
		seal(t, s, nodes[0], 8, secret, again)
		seal(t, s, nodes[0], 8, asks...)
		s.Within(time.Minute, "both forgotten", func() bool {
			return forgot(t, secret.ID, asks[0].ID, nodes...)() && forgot(t, again.ID, asks[1].ID, nodes...)()
		})

		pusher := s.Start(n, config{Keeps: true})
		for i := range 25 {
			var msgs []*core.Message
			if i == 2 {
				msgs = []*core.Message{secret}
			}
			b := coretest.Next(t, n, coretest.Tip(pusher.Chain.Tip()), msgs...)
			if _, err := pusher.Chain.AddBlocks([]*core.Block{b}); err != nil {
				t.Fatal(err)
			}
		}
		pusher.Say(again)
		if !has(t, pusher, secret.ID) || !has(t, pusher, again.ID) {
			t.Fatal("the pusher has nothing to push: this test finds nothing")
		}
		for i := range nodes {
			if err := pusher.P2P.Connect(t.Context(), s.Addr(i)); err != nil {
				t.Fatal(err)
			}
		}
		s.Within(2*time.Minute, "its branch everywhere", s.Agree)
		pusher.Seal(coretest.Next(t, n, coretest.Tip(pusher.Chain.Tip()), again))
		s.Within(time.Minute, "its next block everywhere", s.Agree)
		time.Sleep(5 * time.Minute) // hellos, reconciliations, fills
		for i, node := range nodes {
			if has(t, node, secret.ID) || has(t, node, again.ID) || node.Store.Bodies().Gaps != 0 {
				t.Errorf("node %d has a body again, or misses it", i)
			}
			for _, m := range []*core.Message{secret, again} {
				if filled, err := node.Store.Fill([]*core.Message{m}); filled != 0 || err != nil {
					t.Errorf("node %d fills %d bodies, %v", i, filled, err)
				}
			}
		}
		s.NobodyAccused()
		s.CheckStores()
	})
}
