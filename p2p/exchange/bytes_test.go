package exchange_test

import (
	"math"
	"sync/atomic"
	"testing"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/metrics"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// What a question about a block costs on the wire, in both directions, besides what it brings: so it
// can be told up to which size it is better to send messages unasked.
func TestBytesOfQuestions(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 2000)...)
	w := newWorld(t, n, loopback, []*core.Block{b}, nil)
	counter := &byteCounter{}
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics(), libp2p.BandwidthReporter(counter))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	join(t, h, w.server)
	client, err := exchange.NewClient(h, n, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	hash := b.Header.Hash()
	size := func(at ...int) (bytes int) {
		for _, i := range at {
			bytes += len(b.Messages[i].Bytes())
		}
		return bytes
	}
	fill := func(at ...int) func() error {
		return func() error {
			_, err := client.Fill(t.Context(), w.server.ID(), hash, at)
			return err
		}
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i * 20
	}
	for _, tt := range []struct {
		name   string
		ask    func() error
		brings int
		most   int // bytes besides
	}{
		{"one message", fill(1234), size(1234), 200},
		{"a hundred messages", fill(hundred...), size(hundred...), 200 + 100*5},
		{"leaves", func() error {
			_, err := client.Leaves(t.Context(), w.server.ID(), &b.Header)
			return err
		}, 2000 * core.LeafSize, 250},
	} {
		took := int64(math.MaxInt64)
		for range 5 { // libp2p says something of its own now and then, above all at first
			before := counter.bytes.Load()
			if err := tt.ask(); err != nil {
				t.Fatal(err)
			}
			took = min(took, counter.bytes.Load()-before-int64(tt.brings))
		}
		t.Logf("%s: %d bytes, and %d besides", tt.name, tt.brings, took)
		if took > int64(tt.most) || took < 0 {
			t.Errorf("%s: %d bytes besides what it brings, at most %d", tt.name, took, tt.most)
		}
	}
}

// A byteCounter counts what streams carry. Unlike the one of libp2p it has no clock.
type byteCounter struct {
	metrics.Reporter
	bytes atomic.Int64
}

func (c *byteCounter) LogSentMessage(n int64) { c.bytes.Add(n) }
func (c *byteCounter) LogRecvMessage(n int64) { c.bytes.Add(n) }

func (c *byteCounter) LogSentMessageStream(int64, protocol.ID, peer.ID) {}
func (c *byteCounter) LogRecvMessageStream(int64, protocol.ID, peer.ID) {}
