package gossip

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/sketch"
)

// A meter is a host that counts what its streams carry, in either direction, by protocol.
type meter struct {
	host.Host
	mu    sync.Mutex
	bytes map[protocol.ID]int
}

func (m *meter) NewStream(ctx context.Context, p peer.ID, ids ...protocol.ID) (network.Stream, error) {
	s, err := m.Host.NewStream(ctx, p, ids...)
	return &metered{s, m, ids[0]}, err
}

func (m *meter) count(id protocol.ID, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.bytes[id] += n
}

// take returns what was counted since the last call.
func (m *meter) take() map[protocol.ID]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.bytes
	m.bytes = make(map[protocol.ID]int)
	return out
}

type metered struct {
	network.Stream
	meter *meter
	id    protocol.ID
}

func (s *metered) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	s.meter.count(s.id, n)
	return n, err
}

func (s *metered) Write(b []byte) (int, error) {
	n, err := s.Stream.Write(b)
	s.meter.count(s.id, n)
	return n, err
}

// A heap is a pool of which most messages are only ids.
type heap struct {
	Pool // the rest is not called

	mu   sync.Mutex
	list []mempool.Waiting
	msgs map[core.Hash]*core.Message // nil for those that are only ids
}

func newHeap(ids int, msgs ...*core.Message) *heap {
	h := &heap{msgs: make(map[core.Hash]*core.Message)}
	for i := range ids {
		h.put(sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i))), nil)
	}
	h.Add(msgs, mempool.Origin{})
	return h
}

func (h *heap) put(id core.Hash, m *core.Message) {
	h.list = append(h.list, mempool.Waiting{Seq: uint64(len(h.list) + 1), ID: id})
	h.msgs[id] = m
}

func (h *heap) Add(msgs []*core.Message, _ mempool.Origin) []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		if _, known := h.msgs[m.ID]; known {
			errs[i] = mempool.ErrKnown
			continue
		}
		h.put(m.ID, m)
	}
	return errs
}

func (h *heap) Known(id core.Hash) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.msgs[id]
	return known
}

func (h *heap) Message(id core.Hash) (*core.Message, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.msgs[id]; m != nil {
		return m, nil
	}
	return nil, chain.ErrNotFound
}

func (h *heap) List(after uint64, limit int) ([]mempool.Waiting, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	page := h.list[min(int(after), len(h.list)):]
	return slices.Clone(page[:min(limit, len(page))]), nil
}

// count returns how many messages wait.
func (h *heap) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.list)
}

// A counterpart is one of two nodes that reconcile, without gossip.
type counterpart struct {
	*reconciler
	meter *meter
}

// Self, Greeted, Offered and Punish make it exchange.Peers.
func (c *counterpart) Self() exchange.Hello            { return exchange.Hello{} }
func (c *counterpart) Greeted(peer.ID, exchange.Hello) {}
func (c *counterpart) Punish(peer.ID, error)           {}
func (c *counterpart) Offered(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	return c.offered(ctx, p, ids)
}

// pair connects two counterparts with these pools over loopback.
func pair(t testing.TB, n *core.Network, a, b Pool) (*counterpart, *counterpart) {
	t.Helper()
	var out [2]*counterpart
	for i, pool := range []Pool{a, b} {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics(), libp2p.DisableRelay(),
			libp2p.ResourceManager(&network.NullResourceManager{}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		cfg, gossips := exchange.DefaultConfig(), DefaultConfig()
		cfg.Log, gossips.Log = slog.New(slog.DiscardHandler), slog.New(slog.DiscardHandler)
		c := &counterpart{meter: &meter{Host: h, bytes: make(map[protocol.ID]int)}}
		client, err := exchange.NewClient(c.meter, n, cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.reconciler = newReconciler(pool, client, c, newRecent(maxUnspread), gossips)
		server, err := exchange.NewServer(h, n, nil, pool, c, cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { server.Run(ctx) })
		t.Cleanup(func() { cancel(); running.Wait() })
		out[i] = c
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	from, to := out[0].meter.Host, out[1].meter.Host
	if err := from.Connect(ctx, peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}); err != nil {
		t.Fatal(err)
	}
	out[0].peerUp(to.ID())
	out[1].peerUp(from.ID())
	return out[0], out[1]
}

// ask makes one reconcile once with the other.
func (c *counterpart) ask(t testing.TB, other *counterpart) {
	t.Helper()
	if _, _, err := c.reconcile(t.Context(), &reconciled{id: other.meter.ID()}); err != nil {
		t.Fatalf("reconciling: %v", err)
	}
}

// TestReconcileCosts holds what a round over 100,000 waiting messages may cost on the wire, besides
// the messages themselves: 0, 10 and 1,000 of them are only on one side, half of these on each.
func TestReconcileCosts(t *testing.T) {
	coretest.Sequential(t)
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 1000)
	for _, tt := range []struct{ differ, sketches, ids int }{
		{0, 6 << 10, 0},
		{10, 6 << 10, 10*core.HashSize + 200},
		// A guess by 128 cells, then mostly 2,048 cells; 4,096 where chance wants it.
		{1000, 190 << 10, 1000*core.HashSize + 1000},
	} {
		t.Run(fmt.Sprint(tt.differ), func(t *testing.T) {
			a, b := newHeap(100_000, msgs[:tt.differ/2]...), newHeap(100_000, msgs[tt.differ/2:tt.differ]...)
			one, other := pair(t, n, a, b)
			one.ask(t, other)
			if a.count() != 100_000+tt.differ || b.count() != a.count() {
				t.Errorf("%d and %d messages wait after one round, want %d", a.count(), b.count(), 100_000+tt.differ)
			}
			ids, got := exchange.ProtocolsOf(n), one.meter.take()
			if got[ids.Sketch] > tt.sketches || got[ids.Mempool] > 0 {
				t.Errorf("%d bytes of sketches and %d of lists, want at most %d and none", got[ids.Sketch], got[ids.Mempool], tt.sketches)
			}
			bodies := 0
			for _, m := range msgs[tt.differ/2 : tt.differ] {
				bodies += m.Size() + 8
			}
			if named := got[ids.Offer] + got[ids.Messages] - bodies; named > tt.ids {
				t.Errorf("%d bytes to name what is missing, want at most %d", named, tt.ids)
			}
			t.Logf("%d differences: %d bytes of sketches, %d of offers, %d for fetching %d messages of %d bytes",
				tt.differ, got[ids.Sketch], got[ids.Offer], got[ids.Messages], tt.differ-tt.differ/2, bodies)
		})
	}
}

// A slow heap takes a second for a page.
type slowHeap struct{ *heap }

func (h slowHeap) List(after uint64, limit int) ([]mempool.Waiting, error) {
	time.Sleep(time.Second)
	return h.heap.List(after, limit)
}

// However many rounds there are, a walk over our list is followed by a rest. A sketch is good for two
// questions of a round, and not for a peer that gives one key for ever.
func TestWalksRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeap(200)
		w := newWalker(slowHeap{h})
		begin := time.Now()
		at := func(key byte, want time.Duration) *sketch.Sketch {
			t.Helper()
			s, err := w.sketch(t.Context(), sketch.Key{key})
			if err != nil || time.Since(begin) != want {
				t.Errorf("a sketch after %v, %v; want one after %v", time.Since(begin), err, want)
			}
			return s
		}
		first := at(1, time.Second)
		if at(1, time.Second) != first {
			t.Error("the second question of a round costs another walk")
		}
		at(2, 11*time.Second)
		if ids, err := w.without(t.Context(), nil); err != nil || len(ids) != 200 || time.Since(begin) != 21*time.Second {
			t.Errorf("%d ids after %v, %v; want 200 after 21 s", len(ids), time.Since(begin), err)
		}
		last := at(3, 31*time.Second)
		time.Sleep(10 * time.Second)
		if at(3, 42*time.Second) == last {
			t.Error("a key that stays the same makes our sketch stay the same")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.sketch(ctx, sketch.Key{4}); err == nil {
			t.Error("a walk without a rest")
		}
	})
}

// BenchmarkReconcile compares 100,000 messages that wait on disk, over loopback: all the bytes that the
// asking side sends and receives, and the time of the round.
func BenchmarkReconcile(b *testing.B) {
	n := coretest.Network(b)
	const waiting = 100_000
	msgs := coretest.Messages(b, n, "m", waiting)
	one, other := pair(b, n, onDisk(b, n, msgs), onDisk(b, n, msgs))
	for _, differ := range []int{0, 10, 1000} {
		b.Run(fmt.Sprint(differ), func(b *testing.B) {
			round, bytes := time.Duration(0), 0
			for i := range b.N {
				extra := coretest.Messages(b, n, fmt.Sprint("extra ", differ, b.N, i), differ)
				one.pool.Add(extra[:differ/2], mempool.Origin{})
				other.pool.Add(extra[differ/2:], mempool.Origin{})
				time.Sleep(max(time.Second, time.Until(one.own.until))) // what is rested is no work
				one.meter.take()
				begin := time.Now()
				one.ask(b, other)
				round += time.Since(begin)
				for _, n := range one.meter.take() {
					bytes += n
				}
			}
			b.ReportMetric(float64(bytes)/float64(b.N), "bytes/round")
			b.ReportMetric(round.Seconds()*1e3/float64(b.N), "ms/round")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// onDisk returns a pool with messages of which nearly none are in memory.
func onDisk(b *testing.B, n *core.Network, msgs []*core.Message) *mempool.Pool {
	b.Helper()
	s, err := store.Open(b.TempDir(), n, store.Options{OnFatal: func(err error) { b.Error(err) }})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	for chunk := range slices.Chunk(msgs, 5000) {
		if _, err := s.Accept(chunk, false, 1); err != nil {
			b.Fatal(err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	chains, pools := chain.DefaultConfig(), mempool.DefaultConfig()
	chains.Log, pools.Log, pools.MemoryBytes = log, log, 1<<10
	c, err := chain.Open(n, s, chains)
	if err != nil {
		b.Fatal(err)
	}
	pool, err := mempool.Open(n, c, s, pools)
	if err != nil {
		b.Fatal(err)
	}
	return pool
}
