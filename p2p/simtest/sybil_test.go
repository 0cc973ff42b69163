package simtest

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/p2ptest"
)

// TestSybilsDropEverything holds a figure of docs/benchmarks.md: where 80 of 100 peers are sybils that take
// places in the meshes and pass nothing on, every honest node has every message within 5 s.
func TestSybilsDropEverything(t *testing.T) {
	honest, sybils, messages := size(6, 20), size(24, 80), size(30, 100)
	const (
		dialled = 10 // by each honest node
		pushed  = 4  // connections of each sybil to honest nodes, besides those that it is dialled for
		limit   = 5 * time.Second
	)
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 50 * time.Millisecond, Spread: 100 * time.Millisecond, BitsPerSecond: 100_000_000})
		n := coretest.Network(t)
		random := s.Random(0)
		var nodes []*simNode
		for i := range honest {
			dials := []int{(i + 1) % honest} // so that the honest can reach each other; the rest is chance
			for len(dials) < dialled {
				if j := random.IntN(honest + sybils); j != i {
					dials = append(dials, j)
				}
			}
			nodes = append(nodes, s.Start(n, config{Dials: dials}))
		}
		var crowd crowd
		for range sybils {
			y := newSybil(t, n, s.Host())
			for range pushed {
				y.push(t, s.Addr(random.IntN(honest)))
			}
			crowd = append(crowd, y)
		}
		time.Sleep(20 * time.Second) // all connect, and the meshes fill
		w := watchPools(t, nodes)
		for i := range messages {
			w.say(t, nodes[random.IntN(honest)], text("message", i))
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		}
		all := (honest - 1) * messages
		s.Within(time.Minute, "at all honest nodes", func() bool { return w.count() == all })
		times := w.times()
		t.Logf("%d messages, %d honest nodes: p50 %v, p99 %v, last %v",
			messages, honest, quantile(times, 0.5), quantile(times, 0.99), times[len(times)-1])
		if last := times[len(times)-1]; last > limit {
			t.Errorf("the last honest node had a message after %v, want %v at most", last, limit)
		}
		crowd.happened(t, nodes, messages)
	})
}

// A crowd is all sybils of a network.
type crowd []*sybil

// happened fails the test unless most connections of the honest nodes lead to sybils, and these
// swallowed every message at least once.
func (c crowd) happened(t *testing.T, honest []*simNode, messages int) {
	t.Helper()
	peers, bad, swallowed := connections(honest), 0, 0
	for _, y := range c {
		bad += len(y.host.Network().Peers())
		swallowed += int(y.swallowed.Load())
	}
	t.Logf("%d peers of each honest node, %d of them sybils, which swallowed %d bundles", peers/len(honest), bad/len(honest), swallowed)
	if swallowed < messages || bad*10 < peers*6 { // 79 ± 2 of 100
		t.Errorf("the run is void: %d of %d connections lead to sybils, which swallowed %d bundles", bad, peers, swallowed)
	}
}

// A sybil says hello, takes part in both topics, and drops everything: what it hears goes no further,
// it has no headers, and whoever asks it for anything else waits in vain.
type sybil struct {
	host      host.Host
	swallowed atomic.Int64 // bundles and announcements
}

func newSybil(t *testing.T, n *core.Network, h host.Host) *sybil {
	t.Helper()
	y := &sybil{host: h}
	h.SetStreamHandler(exchange.HelloProtocol, func(s network.Stream) { answerHello(s, n) })
	ids := exchange.ProtocolsOf(n)
	h.SetStreamHandler(ids.Headers, answerNothing) // whoever is silent about headers is let go
	for _, id := range []protocol.ID{ids.Blocks, ids.Messages, ids.Mempool, ids.Vote} {
		h.SetStreamHandler(id, func(network.Stream) {})
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	ps, err := pubsub.NewGossipSub(ctx, h, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(gossip.MessageID))
	if err != nil {
		t.Fatalf("sybil: %v", err)
	}
	names := gossip.TopicsOf(n)
	for _, name := range []string{names.Messages, names.Blocks} {
		swallow := func(context.Context, peer.ID, *pubsub.Message) pubsub.ValidationResult {
			y.swallowed.Add(1)
			return pubsub.ValidationIgnore
		}
		if err := ps.RegisterTopicValidator(name, swallow, pubsub.WithValidatorInline(true)); err != nil {
			t.Fatalf("sybil: %v", err)
		}
		topic, err := ps.Join(name)
		if err != nil {
			t.Fatalf("sybil: %v", err)
		}
		if _, err := topic.Relay(); err != nil {
			t.Fatalf("sybil: %v", err)
		}
	}
	return y
}

// push connects to an honest node.
func (y *sybil) push(t *testing.T, addr string) {
	t.Helper()
	to, err := peer.AddrInfoFromString(addr)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := y.host.Connect(ctx, *to); err != nil {
		t.Fatalf("sybil: %v", err)
	}
}

// answerNothing sends an answer of one frame with nothing in it.
func answerNothing(s network.Stream) {
	defer s.Close()
	if _, err := io.Copy(io.Discard, s); err != nil {
		return
	}
	s.Write([]byte{0})
}

// answerHello claims an empty chain.
func answerHello(s network.Stream, n *core.Network) {
	defer s.Close()
	in := bufio.NewReader(s)
	size, err := binary.ReadUvarint(in)
	if err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, in, int64(size)); err != nil {
		return
	}
	work := n.Header.Work.Bytes()
	hello, err := proto.Marshal(&wire.Hello{
		Genesis: n.Genesis[:], Network: n.Params.Name, Agent: "sybil", Tip: n.Genesis[:], Work: work[:],
		ClockMs: uint64(time.Now().UnixMilli()),
	})
	if err != nil {
		return
	}
	s.Write(append(binary.AppendUvarint(nil, uint64(len(hello))), hello...))
}
