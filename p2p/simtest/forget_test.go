package simtest

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/document"
	"p2pchain/p2p/p2ptest"
)

// asks is a message of key by which a target is to be erased.
func asks(t *testing.T, n *core.Network, key int, target core.Hash) *core.Message {
	return coretest.MessageWith(t, n, coretest.Key(key), string(target[:]), func(m *core.Message) { m.MediaType = document.EraseType })
}

// seal has a node seal a block with these messages and some more on top, and waits until all nodes have
// them.
func seal(t *testing.T, s *simulation, n *simNode, more int, msgs ...*core.Message) {
	t.Helper()
	for range more + 1 {
		time.Sleep(time.Second)
		n.Seal(coretest.Next(t, n.Network, coretest.Tip(n.Chain.Tip()), msgs...))
		msgs = nil
	}
	s.Within(2*time.Minute, "one tip", s.Agree)
}

// has reports whether a node has the body of a message.
func has(t *testing.T, n *simNode, id core.Hash) bool {
	t.Helper()
	m, err := n.Store.Message(id)
	return err == nil && m.Body != nil
}

// erased returns how a message was erased at a node, nil if it was not.
func erased(t *testing.T, n *simNode, id core.Hash) *chain.Erasure {
	t.Helper()
	found, err := n.Store.Erased(id)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// forgot reports whether nodes have dropped a body, as its author asked.
func forgot(t *testing.T, id, ask core.Hash, nodes ...*simNode) func() bool {
	return func() bool {
		return !slices.ContainsFunc(nodes, func(n *simNode) bool {
			e := erased(t, n, id)
			return e == nil || !e.Settled || !e.ByAuthor || e.Message != ask || has(t, n, id)
		})
	}
}

// five starts five nodes that dial each other; the last one keeps what authors ask to erase.
func five(t *testing.T, s *simulation, n *core.Network) []*simNode {
	var nodes []*simNode
	for i := range 5 {
		cfg := config{Keeps: i == 4}
		for j := range i {
			cfg.Dials = append(cfg.Dials, j)
		}
		nodes = append(nodes, s.Start(n, cfg))
	}
	s.Within(time.Minute, "everybody connected", func() bool {
		return !slices.ContainsFunc(nodes, func(n *simNode) bool { return len(n.P2P.Peers()) < 4 })
	})
	return nodes
}

// An author's wish reaches everybody. The copy of a node that does not honour it comes back to nobody: not
// by gossip, reconciliation, sync or filling, and a node that comes later forgets it, too.
func TestErasureSpreads(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 30 * time.Millisecond})
		nodes := five(t, s, n)
		honest, keeper := nodes[:4], nodes[4]
		secret, other := coretest.Message(t, n, coretest.Key(0), "a secret"), coretest.Message(t, n, coretest.Key(0), "another message")
		nodes[0].Say(secret, other)
		seal(t, s, nodes[1], 8, secret, other)

		ask := asks(t, n, 0, secret.ID)
		nodes[2].Say(ask) // whoever brings it: its author is who signed it
		s.Within(time.Minute, "the body gone", forgot(t, secret.ID, ask.ID, honest...))
		seal(t, s, nodes[3], 8, ask)

		time.Sleep(5 * time.Minute) // hellos, reconciliations, republishing, fills
		// A node that never saw the chain has the message wait, and offers it to all.
		stale := s.Start(n, config{Keeps: true})
		stale.Say(secret)
		for _, to := range nodes {
			if err := stale.P2P.Connect(t.Context(), s.Addr(to.Index)); err != nil {
				t.Fatal(err)
			}
		}
		late := s.Start(n, config{Dials: []int{4, 0}})
		alone := s.Start(n, config{Dials: []int{4}})
		s.Within(2*time.Minute, "the late ones synced", s.Agree)
		s.Within(2*time.Minute, "the late ones forgot", forgot(t, secret.ID, ask.ID, late, alone))
		time.Sleep(time.Minute)

		for _, node := range append(slices.Clone(honest), late, alone) {
			if !forgot(t, secret.ID, ask.ID, node)() {
				t.Errorf("node %d has the body again, or does not say who erased it", node.Index)
			}
			if lowest, err := node.Store.LowestFull(); lowest != 0 || err != nil {
				t.Errorf("node %d says that bodies are missing up to height %d (%v): erased ones do not count", node.Index, lowest, err)
			}
		}
		for _, node := range append(slices.Clone(nodes), late, alone) {
			if !has(t, node, other.ID) || !has(t, node, ask.ID) {
				t.Errorf("node %d lost a body that nobody erased", node.Index)
			}
		}
		if !has(t, keeper, secret.ID) || erased(t, keeper, secret.ID) != nil {
			t.Error("the node that honours nobody's wishes lost the body")
		}
		s.NobodyAccused()
		s.CheckStores()
	})
}

// Only an author's wish counts, and only about what can be erased; wishes about unknown messages cost what
// any message costs and wait for their messages.
func TestErasuresThatDoNothing(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 10 * time.Millisecond})
		nodes := five(t, s, n)[:4]
		mine := coretest.Message(t, n, coretest.Key(0), "mine")
		foreign, own := asks(t, n, 1, mine.ID), asks(t, n, 0, core.Hash{9})
		ofWish := asks(t, n, 0, own.ID) // a wish to erase a wish
		later := coretest.Message(t, n, coretest.Key(2), "comes later")
		early := asks(t, n, 2, later.ID)
		flood := []*core.Message{foreign, own, ofWish, early}
		for i := range 500 {
			flood = append(flood, asks(t, n, 3, core.Hash{1, byte(i), byte(i >> 8)}))
		}
		nodes[0].Say(append(flood, mine)...)
		s.Within(time.Minute, "the flood everywhere", func() bool {
			return !slices.ContainsFunc(nodes, func(n *simNode) bool { return !n.Pool.Known(flood[len(flood)-1].ID) })
		})
		seal(t, s, nodes[0], 8, append(flood, mine)...)
		time.Sleep(time.Minute)
		for _, node := range nodes {
			if b := node.Store.Bodies(); b.Erased != 0 || !has(t, node, mine.ID) || !has(t, node, own.ID) {
				t.Errorf("node %d: %+v, and has %v %v", node.Index, b, has(t, node, mine.ID), has(t, node, own.ID))
			}
		}
		nodes[1].Say(later)
		s.Within(time.Minute, "the one that comes later hidden", func() bool {
			return !slices.ContainsFunc(nodes, func(n *simNode) bool { return erased(t, n, later.ID) == nil })
		})
		seal(t, s, nodes[2], 8, later)
		s.Within(time.Minute, "and dropped", forgot(t, later.ID, early.ID, nodes...))
		s.NobodyAccused()
		s.CheckStores()
	})
}

// A node catches up from peers that have dropped old payloads, says so, and fills what is missing as soon
// as somebody has it, but for what was erased.
func TestFreshNodeAmongPrunedOnes(t *testing.T) {
	start, n := random.Seed(t), coretest.Network(t)
	const length, pruned = 120, 100
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 30 * time.Millisecond, BitsPerSecond: 20_000_000})
		time.Sleep(time.Minute)
		var blocks []*core.Block
		for tip := coretest.Genesis(n); len(blocks) < length; tip = tip.After(blocks[len(blocks)-1]) {
			blocks = append(blocks, coretest.Next(t, n, tip, coretest.Messages(t, n, fmt.Sprint(len(blocks)), 3)...))
		}
		gone := blocks[30].Messages[1].ID
		grown := func(cfg config) *simNode {
			node := s.Start(n, cfg)
			if _, err := node.Chain.AddBlocks(blocks); err != nil {
				t.Fatal(err)
			}
			return node
		}
		for range 3 {
			node := grown(config{})
			for more := true; more; {
				var err error
				if more, err = node.Store.Prune(pruned); err != nil {
					t.Fatal(err)
				}
			}
		}
		began := s.Elapsed()
		fresh := s.Start(n, config{Dials: []int{0, 1, 2}})
		s.Within(time.Minute, "all blocks", s.Agree)
		if took := s.Elapsed() - began; took > 25*time.Second {
			t.Errorf("took %v: it waited for bodies that nobody says it has", took)
		}
		gaps, lowest := fresh.Store.Bodies().Gaps, lowestFull(t, fresh)
		if gaps != 3*pruned || lowest != pruned+1 {
			t.Errorf("%d gaps, and bodies from height %d on; want %d and %d", gaps, lowest, 3*pruned, pruned+1)
		}
		s.Within(2*time.Minute, "all peers say from where on they have bodies", func() bool {
			for _, p := range fresh.P2P.Peers() {
				if p.LowestFull != pruned+1 {
					return false
				}
			}
			return true
		})

		archive := grown(config{Dials: []int{fresh.Index}})
		if _, err := archive.Store.Erase(chain.Erasure{ID: gone, TimeMS: 1}); err != nil {
			t.Fatal(err)
		}
		s.Within(5*time.Minute, "the gaps filled", func() bool { return fresh.Store.Bodies().Gaps == 1 })
		for _, b := range blocks {
			for _, m := range b.Messages {
				if has(t, fresh, m.ID) != (m.ID != gone) {
					t.Errorf("has the body of %v: %v", m.ID, has(t, fresh, m.ID))
				}
			}
		}
		for i, node := range s.Nodes()[:3] {
			if b := node.Store.Bodies(); b.Gaps != 0 || has(t, node, blocks[0].Messages[0].ID) {
				t.Errorf("node %d fetched what it had dropped by choice", i)
			}
		}
		s.NobodyAccused()
		s.CheckStores()
	})
}

func lowestFull(t *testing.T, n *simNode) uint64 {
	t.Helper()
	lowest, err := n.Store.LowestFull()
	if err != nil {
		t.Fatal(err)
	}
	return lowest
}
