package p2ptest

import (
	"context"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"

	"p2pchain/core"
	"p2pchain/p2p/gossip"
)

// A Rogue takes part in the topics of a network, says there what it likes, and judges nothing.
type Rogue struct {
	Host host.Host

	t      testing.TB
	topics map[string]*pubsub.Topic
	heard  map[string]*pubsub.Subscription
}

// NewRogue opens a rogue; it ends with the test.
func NewRogue(t testing.TB, n *core.Network) *Rogue {
	t.Helper()
	r := &Rogue{Host: Host(t), t: t, topics: make(map[string]*pubsub.Topic), heard: make(map[string]*pubsub.Subscription)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ps, err := pubsub.NewGossipSub(ctx, r.Host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(), pubsub.WithFloodPublish(true),
		pubsub.WithMessageIdFn(gossip.MessageID), pubsub.WithPeerOutboundQueueSize(4096))
	if err != nil {
		t.Fatalf("rogue: %v", err)
	}
	names := gossip.TopicsOf(n)
	for _, name := range []string{names.Messages, names.Blocks} {
		if r.topics[name], err = ps.Join(name); err != nil {
			t.Fatalf("rogue: %v", err)
		}
		if r.heard[name], err = r.topics[name].Subscribe(pubsub.WithBufferSize(1024)); err != nil {
			t.Fatalf("rogue: %v", err)
		}
	}
	return r
}

// Attach connects the rogue to a node and waits until it can be heard there.
func (r *Rogue) Attach(n *Node) {
	r.t.Helper()
	Join(r.t, r.Host, n.Host)
	Eventually(r.t, "heard by the node", func() bool {
		for _, topic := range r.topics {
			peers := topic.ListPeers()
			if len(peers) == 0 {
				return false
			}
		}
		return n.Gossip.TopicPeers() > 0
	})
}

// Publish says something on a topic.
func (r *Rogue) Publish(topic string, data []byte) {
	r.t.Helper()
	if err := r.topics[topic].Publish(r.t.Context(), data); err != nil {
		r.t.Fatalf("rogue: %v", err)
	}
}

// Hear returns the next thing that somebody else says on a topic.
func (r *Rogue) Hear(ctx context.Context, topic string) ([]byte, error) {
	for {
		m, err := r.heard[topic].Next(ctx)
		if err != nil {
			return nil, err
		}
		if m.ReceivedFrom != r.Host.ID() {
			return m.Data, nil
		}
	}
}
