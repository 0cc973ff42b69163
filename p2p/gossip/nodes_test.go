package gossip_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/store"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/p2ptest"
)

// start runs a node whose store lives in memory.
func start(t *testing.T, n *core.Network, cfg p2ptest.Config) *p2ptest.Node {
	t.Helper()
	s, err := store.Open("store", n, store.Options{FS: vfs.NewMem(), OnFatal: func(err error) { t.Errorf("store: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return p2ptest.Start(t, n, s, cfg)
}

// line runs nodes of which each is connected to the next.
func line(t *testing.T, n *core.Network, count int, cfg p2ptest.Config) []*p2ptest.Node {
	t.Helper()
	nodes := make([]*p2ptest.Node, count)
	for i := range nodes {
		nodes[i] = start(t, n, cfg)
		if i > 0 {
			p2ptest.Connect(t, nodes[i-1], nodes[i])
		}
	}
	return nodes
}

func have(nodes []*p2ptest.Node, count int) func() bool {
	return func() bool {
		for _, node := range nodes {
			if node.Pool.Totals().Count != count {
				return false
			}
		}
		return true
	}
}

func agreeOn(nodes []*p2ptest.Node, hash core.Hash) func() bool {
	return func() bool {
		for _, node := range nodes {
			if node.Chain.Tip().Hash != hash {
				return false
			}
		}
		return true
	}
}

// unharmed fails for every drop, and for every honest node that was to be punished.
func unharmed(t *testing.T, nodes []*p2ptest.Node) {
	t.Helper()
	for i, a := range nodes {
		if drops := a.Gossip.Stats().Drops; len(drops) > 0 {
			t.Errorf("node %d dropped %v", i, drops)
		}
		for j, b := range nodes {
			if err := a.Punished(b.Host.ID()); err != nil {
				t.Errorf("node %d was to be punished by node %d: %v", j, i, err)
			}
		}
	}
}

func TestMessagesSpread(t *testing.T) {
	n := coretest.Network(t)
	// Reconciliation must not help.
	nodes := line(t, n, 4, p2ptest.Config{Gossip: func(c *gossip.Config) { c.Reconcile = time.Hour }})
	msgs := coretest.Messages(t, n, "m", 1000)
	nodes[0].Say(msgs[0])
	p2ptest.Eventually(t, "one message everywhere", have(nodes, 1))
	nodes[0].Say(msgs[1:600]...)
	nodes[3].Say(msgs[600:]...)
	p2ptest.Eventually(t, "1,000 messages everywhere", have(nodes, 1000))
	unharmed(t, nodes)
	p2ptest.Eventually(t, "400 messages taken out of bundles", func() bool { return nodes[0].Gossip.Stats().Taken == 400 })
	if s := nodes[0].Gossip.Stats(); s.Messages.Published < 3 || s.Messages.Published > 20 {
		t.Errorf("Stats = %+v, want a few bundles published", s)
	}
}

func TestBlocksSpread(t *testing.T) {
	n := coretest.Network(t)
	large := strings.Repeat("x", n.Params.MaxPayloadBytes-100)
	for _, tt := range []struct {
		name string
		msgs []*core.Message
	}{
		{"empty", nil},
		{"small", coretest.Messages(t, n, "m", 10)},
		{"large", coretest.Messages(t, n, large, 40)}, // 640 KiB: announced, then fetched
	} {
		t.Run(tt.name, func(t *testing.T) {
			nodes := line(t, n, 4, p2ptest.Config{})
			for i := range 3 {
				b := nodes[i].Mine(tt.msgs...)
				p2ptest.Eventually(t, "one tip", agreeOn(nodes, b.Header.Hash()))
				tt.msgs = nil // they are sealed
			}
			unharmed(t, nodes)
			for i, node := range nodes {
				if got := node.Gossip.Stats().Blocks; got.Published+got.Accepted != 3 {
					t.Errorf("node %d: %+v, want 3 published or forwarded", i, got)
				}
			}
		})
	}
}

func TestLateJoiner(t *testing.T) {
	n := coretest.Network(t)
	nodes := line(t, n, 2, p2ptest.Config{})
	waiting := coretest.Messages(t, n, "waiting", 30)
	nodes[0].Say(waiting...)
	for range 50 {
		nodes[0].MineQuietly()
	}
	b := nodes[0].Mine(coretest.Messages(t, n, "m", 5)...)
	late := start(t, n, p2ptest.Config{})
	p2ptest.Connect(t, nodes[1], late)
	all := append(nodes, late)
	p2ptest.Eventually(t, "one tip", agreeOn(all, b.Header.Hash()))
	p2ptest.Eventually(t, "all waiting messages everywhere", have(all, 30))
	unharmed(t, all)
}

// Two parts of a network meet, and nothing is mined any more.
func TestForkHeals(t *testing.T) {
	n := coretest.Network(t)
	// Who wrote the messages publishes them again, and the node in between lets them pass although it
	// got them back as well: the next round of everyday reconciliation is far.
	cfg := p2ptest.Config{Gossip: func(c *gossip.Config) { c.Reconcile = time.Hour }}
	left, right := line(t, n, 2, cfg), line(t, n, 2, cfg)
	all := append(append([]*p2ptest.Node{}, left...), right...)
	msgs := coretest.Messages(t, n, "left", 3)
	left[0].Say(msgs...)
	left[0].Mine(msgs...)
	for range 5 {
		right[0].Mine()
	}
	p2ptest.Eventually(t, "one tip on the right", func() bool { return right[1].Chain.Tip().Header.Height == 5 })
	p2ptest.Connect(t, left[1], right[0])
	p2ptest.Eventually(t, "one tip", agreeOn(all, right[0].Chain.Tip().Hash))
	p2ptest.Eventually(t, "the reverted messages wait again", have(all, 3))
	unharmed(t, all)
}

// The node that answers for a message is gone when a reorg gives it back. The others do not publish
// what is not theirs, but whoever was on the losing side soon offers it to the peers.
func TestForkHealsWithoutTheOwner(t *testing.T) {
	n := coretest.Network(t)
	cfg := p2ptest.Config{Gossip: func(c *gossip.Config) { c.Reconcile = time.Hour }}
	left, right := line(t, n, 2, cfg), start(t, n, cfg)
	msgs := coretest.Messages(t, n, "left", 3)
	left[0].Say(msgs...)
	p2ptest.Eventually(t, "messages on the left", have(left, 3))
	b := left[0].Mine(msgs...)
	p2ptest.Eventually(t, "a block on the left", agreeOn(left, b.Header.Hash()))
	p2ptest.Disconnect(t, left[0], left[1])
	for range 5 {
		right.Mine()
	}
	p2ptest.Connect(t, right, left[1])
	all := []*p2ptest.Node{left[1], right}
	p2ptest.Eventually(t, "one tip", agreeOn(all, right.Chain.Tip().Hash))
	p2ptest.Eventually(t, "the reverted messages wait again", have(all, 3))
	unharmed(t, all)
}

// Gossip queues of one element lose nearly everything. Of four nodes that are all connected, each asks
// one peer a round, and after three rounds all have everything.
func TestReconciliationReplacesGossip(t *testing.T) {
	count := 10_000
	if underRace {
		count = 2_500
	}
	n := coretest.Network(t)
	nodes := make([]*p2ptest.Node, 4)
	for i := range nodes {
		nodes[i] = start(t, n, p2ptest.Config{Gossip: func(c *gossip.Config) {
			c.OutboundQueue, c.ValidateQueue, c.ValidateWorkers = 1, 1, 1
			c.Reconcile = time.Hour // the rounds are begun below
		}})
		for _, other := range nodes[:i] {
			p2ptest.Connect(t, other, nodes[i])
		}
	}
	nodes[0].Say(coretest.Messages(t, n, "m", count)...)
	p2ptest.Eventually(t, "all was published", func() bool { return nodes[0].Gossip.Stats().Messages.Published >= uint64(count/256) })
	missing, dropped := 0, uint64(0)
	for _, node := range nodes {
		missing += count - node.Pool.Totals().Count
		for _, drops := range node.Gossip.Stats().Drops {
			dropped += drops
		}
	}
	if t.Logf("gossip dropped %d times; %d of %d messages are missing", dropped, missing, 3*count); dropped == 0 || missing < count {
		t.Fatal("gossip lost too little: this tests nothing")
	}
	for round := 1; round <= 3; round++ {
		for i, before := range reconcileOnce(nodes) {
			// On a slow machine it may run out of time, and goes on at once.
			p2ptest.Eventually(t, "a round ended", func() bool {
				return nodes[i].Gossip.Stats().Rounds > before && !gossip.Reconciling(nodes[i].Gossip)
			})
		}
		t.Logf("after round %d they have %d, %d and %d", round, nodes[1].Pool.Totals().Count, nodes[2].Pool.Totals().Count, nodes[3].Pool.Totals().Count)
	}
	if !have(nodes, count)() {
		t.Error("not all messages are everywhere after three rounds")
	}
}

// reconcileOnce begins a round at every node and returns how many each had before.
func reconcileOnce(nodes []*p2ptest.Node) []uint64 {
	before := make([]uint64, len(nodes))
	for i, node := range nodes {
		before[i] = node.Gossip.Stats().Rounds
	}
	for _, node := range nodes {
		gossip.ReconcileOnce(node.Gossip)
	}
	return before
}

func TestDropsAreCounted(t *testing.T) {
	n := coretest.Network(t)
	node := start(t, n, p2ptest.Config{Gossip: func(c *gossip.Config) { c.ValidateQueue, c.ValidateWorkers = 1, 1 }})
	rogue := p2ptest.NewRogue(t, n)
	rogue.Attach(node)
	for _, m := range coretest.Messages(t, n, "m", 300) {
		rogue.Publish(gossip.TopicsOf(n).Messages, gossip.Bundle(m))
	}
	p2ptest.Eventually(t, "300 bundles judged or dropped", func() bool {
		s := node.Gossip.Stats()
		return s.Messages.Accepted+s.Drops["validation queue full"] == 300
	})
	if node.Gossip.Stats().Drops["validation queue full"] == 0 {
		t.Error("nothing was dropped: this tests nothing")
	}
}

func TestRogue(t *testing.T) {
	n := coretest.Network(t)
	topics := gossip.TopicsOf(n)
	m := coretest.Messages(t, n, "m", 2)
	forged := *m[0]
	forged.Signature[3] ^= 1
	unsealed := coretest.Next(t, n, coretest.Genesis(n)).Header
	unsealed.Bits = 0x20ffffff
	header := unsealed.Encode()
	for _, tt := range []struct {
		name  string
		topic string
		data  []byte
	}{
		{"noise", topics.Messages, []byte("noise")},
		{"forged message", topics.Messages, gossip.Bundle(&forged)},
		{"header without work", topics.Blocks, append([]byte{3}, header[:]...)},
		{"bundle on the block topic", topics.Blocks, gossip.Bundle(m[1])},
	} {
		t.Run(tt.name, func(t *testing.T) {
			node := start(t, n, p2ptest.Config{})
			rogue, witness := p2ptest.NewRogue(t, n), p2ptest.NewRogue(t, n)
			rogue.Attach(node)
			witness.Attach(node)
			rogue.Publish(tt.topic, tt.data)
			p2ptest.Eventually(t, "punished", func() bool { return node.Punished(rogue.Host.ID()) != nil })
			s := node.Gossip.Stats()
			if s.Messages.Rejected+s.Blocks.Rejected != 1 {
				t.Errorf("Stats = %+v, want one rejected", s)
			}
			rogue.Publish(topics.Messages, gossip.Bundle(m[0])) // graylisted: not even looked at
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if data, err := witness.Hear(ctx, tt.topic); err == nil {
				t.Errorf("%d bytes were forwarded", len(data))
			}
			if node.Pool.Totals().Count != 0 {
				t.Error("a graylisted peer was listened to")
			}
		})
	}
}

// The same bytes on the wrong topic must not count as seen on the right one.
func TestWrongTopicCensorsNothing(t *testing.T) {
	n := coretest.Network(t)
	topics := gossip.TopicsOf(n)
	node := start(t, n, p2ptest.Config{})
	rogue, honest := p2ptest.NewRogue(t, n), p2ptest.NewRogue(t, n)
	rogue.Attach(node)
	honest.Attach(node)
	data := gossip.Bundle(coretest.Messages(t, n, "m", 1)...)
	rogue.Publish(topics.Blocks, data)
	p2ptest.Eventually(t, "punished", func() bool { return node.Punished(rogue.Host.ID()) != nil })
	honest.Publish(topics.Messages, data)
	p2ptest.Eventually(t, "taken", func() bool { return node.Pool.Totals().Count == 1 })
}

func TestPublishBlockWithoutRun(t *testing.T) {
	n := coretest.Network(t)
	node := start(t, n, p2ptest.Config{NoGossip: true})
	b := node.MineQuietly()
	if err := node.Gossip.PublishBlock(t.Context(), b); !errors.Is(err, gossip.ErrNotRunning) {
		t.Errorf("PublishBlock = %v, want ErrNotRunning", err)
	}
	if node.Gossip.TopicPeers() != 0 {
		t.Error("peers in topics that were never joined")
	}
}
