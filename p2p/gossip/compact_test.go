package gossip_test

import (
	"context"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/p2ptest"
)

// Blocks cross a line of nodes, and no node gets again what it knows.
func TestCompactBlocks(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 2200)
	quiet := p2ptest.Config{Gossip: func(c *gossip.Config) { c.Reconcile = time.Hour }}
	nodes := line(t, n, 4, quiet)
	nodes[2].Say(msgs[:2000]...)
	p2ptest.Eventually(t, "2,000 messages everywhere", have(nodes, 2000))

	known := nodes[0].Mine(msgs[:1000]...)
	p2ptest.Eventually(t, "a block of known messages", agreeOn(nodes, known.Header.Hash()))
	for i, node := range nodes[1:] {
		if got := node.Gossip.Stats().Rebuilds; got != (gossip.RebuildStats{Rebuilt: 1}) {
			t.Errorf("node %d: %+v, want a block rebuilt of what is known", i+1, got)
		}
	}
	partly := nodes[0].Mine(msgs[1000:]...) // 200 of these are nowhere else
	p2ptest.Eventually(t, "a block with unknown messages", agreeOn(nodes, partly.Header.Hash()))
	for i, node := range nodes[1:] {
		if got := node.Gossip.Stats().Rebuilds; got != (gossip.RebuildStats{Rebuilt: 2, Asked: 200}) {
			t.Errorf("node %d: %+v, want 200 messages asked for", i+1, got)
		}
	}
	unknown := nodes[0].Mine(coretest.Messages(t, n, "unknown", 300)...)
	p2ptest.Eventually(t, "a block of unknown messages", agreeOn(nodes, unknown.Header.Hash()))
	for i, node := range nodes[1:] {
		if got := node.Gossip.Stats().Rebuilds; got.Rebuilt != 2 || got.Left != 1 {
			t.Errorf("node %d: %+v, want the block left to the syncer", i+1, got)
		}
	}
	unharmed(t, nodes)
}

// Two miners seal the same messages at the same time: whoever has one block rebuilds the other from it.
func TestCompactBlocksOfOneHeight(t *testing.T) {
	n := coretest.Network(t)
	nodes := line(t, n, 2, p2ptest.Config{})
	msgs := coretest.Messages(t, n, "m", 100)
	nodes[0].Say(msgs...)
	p2ptest.Eventually(t, "100 messages everywhere", have(nodes, 100))
	a := nodes[0].MineQuietly(msgs...)
	b := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.Nonce = 1 << 40 }, msgs[:90]...)
	if _, err := nodes[1].Chain.AddBlocks([]*core.Block{b}); err != nil {
		t.Fatal(err)
	}
	best := a
	first, second := a.Header.Hash(), b.Header.Hash()
	if second.Compare(first) < 0 {
		best = b
	}
	for i, block := range []*core.Block{a, b} {
		if err := nodes[i].Gossip.PublishBlock(t.Context(), block); err != nil {
			t.Fatal(err)
		}
	}
	p2ptest.Eventually(t, "one tip", agreeOn(nodes, best.Header.Hash()))
	p2ptest.Eventually(t, "a block rebuilt of sealed messages", func() bool {
		a, b := nodes[0].Gossip.Stats().Rebuilds, nodes[1].Gossip.Stats().Rebuilds
		return a.Rebuilt+b.Rebuilt >= 1 && a.Asked+b.Asked+a.LeafLists+b.LeafLists == 0
	})
	unharmed(t, nodes)
}

// Somebody is quicker than the miner and announces the true header with made-up short ids, which honest
// nodes forward. All get the block all the same, and nobody is blamed.
func TestMadeUpShortIDsDelayNothing(t *testing.T) {
	n := coretest.Network(t)
	nodes := line(t, n, 3, p2ptest.Config{})
	rogue, witness := p2ptest.NewRogue(t, n), p2ptest.NewRogue(t, n)
	msgs := coretest.Messages(t, n, "m", 500)
	nodes[0].Say(msgs...)
	p2ptest.Eventually(t, "500 messages everywhere", have(nodes, 500))
	rogue.Attach(nodes[1])
	witness.Attach(nodes[2])
	p2ptest.Eventually(t, "the witness in the mesh", func() bool { return nodes[2].Gossip.Stats().Mesh == 2 })
	blocks := gossip.TopicsOf(n).Blocks

	b := nodes[0].MineQuietly(msgs...)
	for by := range byte(5) {
		rogue.Publish(blocks, gossip.MadeUp(b, by+1))
	}
	p2ptest.Eventually(t, "announced by the rogue", func() bool { return nodes[1].Gossip.Stats().Blocks.Accepted == 1 })
	if err := nodes[0].Gossip.PublishBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	p2ptest.Eventually(t, "one tip", agreeOn(nodes, b.Header.Hash()))
	for i, node := range nodes[1:] {
		if s := node.Gossip.Stats(); s.Blocks.Accepted > 1 || node.Punished(rogue.Host.ID()) != nil {
			t.Errorf("node %d forwarded %d announcements of one header, punished: %v", i+1, s.Blocks.Accepted, node.Punished(rogue.Host.ID()))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := witness.Hear(ctx, blocks); err != nil {
		t.Fatalf("nothing was forwarded: %v", err)
	}
	quiet, end := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer end()
	if _, err := witness.Hear(quiet, blocks); err == nil {
		t.Error("one header was forwarded twice")
	}
	unharmed(t, nodes)
}
