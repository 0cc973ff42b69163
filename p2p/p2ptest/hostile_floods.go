package p2ptest

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/gossip"
)

// meshProtocols are those that a victim may speak.
func meshProtocols() []protocol.ID {
	return []protocol.ID{pubsub.GossipSubID_v12, pubsub.GossipSubID_v11}
}

// sink reads a stream to its end.
func sink(_ context.Context, s network.Stream) { io.Copy(io.Discard, s) }

// floodEvery is the time between two turns of a flood.
const floodEvery = 10 * time.Millisecond

// Oversize sends a frame of 2 MiB where 1 KiB is the limit. Its fault is the first of them.
func Oversize(g Guise) *Hostile {
	h := newHostile("oversize frame", g)
	h.attack = func(ctx context.Context, victim peer.ID) {
		s, err := h.Host.NewStream(ctx, victim, exchange.HelloProtocol)
		if err != nil {
			return
		}
		defer s.Reset()
		h.offends()
		s.SetDeadline(time.Now().Add(questionTime))
		s.Write(append(binary.AppendUvarint(nil, 2<<20), make([]byte, 2<<20)...))
	}
	return h
}

// OversizeGossip does the same on the stream of the topics, where 256 KiB is the limit.
func OversizeGossip(g Guise) *Hostile {
	return gossiping("oversize gossip", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		h.offends()
		say(make([]byte, 2<<20))
	})
}

// MalformedGossip sends what is no protobuf. Its fault is the first frame.
func MalformedGossip(g Guise) *Hostile {
	return gossiping("malformed gossip", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		h.offends()
		say([]byte{0xff, 0xff, 0xff, 0xff})
	})
}

// gossiping is a peer that opens a stream of the topics and says things there. The frames are its own.
func gossiping(name string, g Guise, attack func(ctx context.Context, say func([]byte) error, h *Hostile)) *Hostile {
	h := newHostile(name, g)
	h.attack = func(ctx context.Context, victim peer.ID) {
		s, err := h.Host.NewStream(ctx, victim, meshProtocols()...)
		if err != nil {
			return
		}
		defer s.Reset()
		stop := context.AfterFunc(ctx, func() { s.Reset() })
		defer stop()
		say := func(frame []byte) error {
			s.SetWriteDeadline(time.Now().Add(questionTime))
			_, err := s.Write(append(binary.AppendUvarint(nil, uint64(len(frame))), frame...))
			return err
		}
		topics := gossip.TopicsOf(g.Network)
		if say(rpc(subscribe(true, topics.Messages, topics.Blocks), "", nil)) == nil {
			attack(ctx, say, h)
		}
		<-ctx.Done()
	}
	return h
}

func subscribe(on bool, topics ...string) (out []*pb.RPC_SubOpts) {
	for _, topic := range topics {
		out = append(out, &pb.RPC_SubOpts{Subscribe: &on, Topicid: &topic})
	}
	return out
}

// rpc encodes what peers say to each other: subscriptions, and data on a topic.
func rpc(subs []*pb.RPC_SubOpts, topic string, data [][]byte) []byte {
	m := &pb.RPC{Subscriptions: subs}
	for _, d := range data {
		m.Publish = append(m.Publish, &pb.Message{Topic: &topic, Data: d})
	}
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// ManySubscriptions subscribes to thousands of topics in one go. Its fault is the first time.
func ManySubscriptions(g Guise) *Hostile {
	return gossiping("many subscriptions", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		var topics []string
		for i := range 4000 {
			topics = append(topics, fmt.Sprintf("/p2pchain/%d", i))
		}
		h.offends()
		for say(rpc(subscribe(true, topics...), "", nil)) == nil && pause(ctx, floodEvery) {
		}
	})
}

// SubscriptionFlood subscribes to a topic and leaves it again, a hundred times a second. Its fault is
// the first time that it is back.
func SubscriptionFlood(g Guise) *Hostile {
	topic := gossip.TopicsOf(g.Network).Blocks
	return gossiping("subscription flood", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		for i := 0; say(rpc(subscribe(i%2 == 1, topic), "", nil)) == nil && pause(ctx, floodEvery); i++ {
			if i == 1 {
				h.offends()
			}
		}
	})
}

// OrphanFlood announces headers above a block with proof of work and parents that nobody knows, a
// thousand a second. Its fault is the first of them.
func OrphanFlood(t testing.TB, g Guise, above *core.Header) *Hostile {
	t.Helper()
	var all [][]byte
	for range 4000 {
		parent := coretest.Tip{Header: *above}
		for i := range parent.Hash {
			parent.Hash[i] = byte(rand.Uint32())
		}
		header := coretest.Next(t, g.Network, parent).Header.Encode()
		all = append(all, append([]byte{3}, header[:]...))
	}
	topic := gossip.TopicsOf(g.Network).Blocks
	return gossiping("orphan flood", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		for i := 0; i+10 <= len(all) && say(rpc(nil, topic, all[i:i+10])) == nil && pause(ctx, floodEvery); i += 10 {
			h.offends()
		}
	})
}

// ForgedSpam publishes messages whose signature is wrong. Its fault is the first of them.
func ForgedSpam(t testing.TB, g Guise) *Hostile {
	t.Helper()
	return spam("forged messages", g, func(i int) *core.Message {
		m := *coretest.Message(t, g.Network, coretest.Key(7), fmt.Sprint("forged ", i))
		m.Signature[0] ^= 1
		return &m
	})
}

// ForeignSpam publishes the messages of another network. Its fault is the first of them.
func ForeignSpam(t testing.TB, g Guise) *Hostile {
	t.Helper()
	other := coretest.Network(t, func(p *core.Params) { p.Name = "another" })
	return spam("foreign messages", g, func(i int) *core.Message {
		return coretest.Message(t, other, coretest.Key(7), fmt.Sprint("foreign ", i))
	})
}

func spam(name string, g Guise, next func(i int) *core.Message) *Hostile {
	topic := gossip.TopicsOf(g.Network).Messages
	return gossiping(name, g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		h.offends()
		for i := 0; say(rpc(nil, topic, [][]byte{bundle(next(i))})) == nil && pause(ctx, floodEvery); i++ {
		}
	})
}

// Replay publishes a message that everybody has, in ever new bundles, a thousand a second. Its fault is
// the first of them.
func Replay(g Guise, known *core.Message) *Hostile {
	topic := gossip.TopicsOf(g.Network).Messages
	return gossiping("replayed messages", g, func(ctx context.Context, say func([]byte) error, h *Hostile) {
		for {
			var data [][]byte
			for range 10 {
				data = append(data, bundle(known))
			}
			h.offends()
			if say(rpc(nil, topic, data)) != nil || !pause(ctx, floodEvery) {
				return
			}
		}
	})
}

// bundle returns one message as it travels on its topic.
func bundle(m *core.Message) []byte {
	b := binary.BigEndian.AppendUint64([]byte{1}, rand.Uint64())
	return append(binary.BigEndian.AppendUint32(b, uint32(len(m.Bytes()))), m.Bytes()...)
}
