package gossip_test

import (
	"strings"
	"testing"
	"time"

	"p2pchain/core/coretest"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/p2ptest"
)

// Pubsub takes for known what a validator has seen. A peer that is not read any more must not hide news by
// being the first to bring them.
func TestAFloodHidesNoNews(t *testing.T) {
	n := coretest.Network(t)
	now := time.Now()
	node := start(t, n, p2ptest.Config{Gossip: func(c *gossip.Config) {
		c.Reconcile = time.Hour
		c.Now = func() time.Time { return now } // no budget grows again
	}})
	rogue, honest := p2ptest.NewRogue(t, n), p2ptest.NewRogue(t, n)
	rogue.Attach(node)
	honest.Attach(node)
	messages := gossip.TopicsOf(n).Messages
	m := coretest.Messages(t, n, strings.Repeat("x", 1000), 51)
	known, news := m[:50], gossip.Bundle(m[50])
	node.Say(known...)
	seen := func() uint64 {
		s := node.Gossip.Stats()
		return s.Messages.Ignored + s.Drops["peer sends too much that is known"]
	}
	flood := func(count, size int) {
		want := seen() + uint64(count)
		for range count {
			rogue.Publish(messages, gossip.Bundle(known[:size]...))
		}
		p2ptest.Eventually(t, "a flood was ignored", func() bool { return seen() >= want })
	}
	flood(170, len(known)) // 9 MiB of 8
	flood(20, 1)
	before := node.Gossip.Stats()
	rogue.Publish(messages, news)
	p2ptest.Eventually(t, "news are dropped unread", func() bool {
		return node.Gossip.Stats().Drops["peer sends too much that is known"] > before.Drops["peer sends too much that is known"]
	})
	honest.Publish(messages, news)
	p2ptest.Eventually(t, "news are taken of another peer", func() bool { return node.Pool.Totals().Count == 51 })
	if err := node.Punished(honest.Host.ID()); err != nil {
		t.Errorf("an honest peer was punished: %v", err)
	}
}
