package integration

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
	"p2pchain/p2p"
)

const (
	loadNodes = 4
	loadRate  = 1000 // messages a second, over all nodes
	loadBytes = 200  // of a message's text
)

// TestLoad has the users of four nodes write 1,000 messages a second for two seconds. All of them get
// to all nodes, and gossip drops nothing.
func TestLoad(t *testing.T) {
	l := newTraffic(t, 2*loadRate/loadPart)
	l.run()
	l.complete()
}

// BenchmarkLoad does the same for a minute and reports how long after its acceptance a message waits at
// the last node.
func BenchmarkLoad(b *testing.B) {
	for range b.N {
		l := newTraffic(b, 60*loadRate)
		l.run()
		l.complete()
		took := l.latencies()
		at := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1e3 }
		b.ReportMetric(at(0.5), "ms-p50")
		b.ReportMetric(at(0.99), "ms-p99")
		b.ReportMetric(at(1), "ms-most")
		b.ReportMetric(float64(len(took))/l.lasted.Seconds(), "messages/s")
		b.ReportMetric(0, "ns/op")
	}
}

// A traffic is a number of messages on their way through a few nodes of this machine, each with a store
// on its disk and connected to every other. Nobody mines, so all messages wait in the end.
type traffic struct {
	t      testing.TB
	nodes  []*loaded
	msgs   []*core.Message
	number map[core.Hash]int // of a message
	begun  time.Time
	lasted time.Duration

	accepted []time.Duration   // since the start, by message
	seen     [][]time.Duration // the same, by node
}

// A loaded node is one that has traffic.
type loaded struct {
	*p2p.Node
	pool *mempool.Pool
}

func newTraffic(t testing.TB, count int) *traffic {
	t.Helper()
	n := coretest.Network(t)
	l := &traffic{t: t, number: make(map[core.Hash]int, count), accepted: make([]time.Duration, count)}
	for i := range count {
		text := fmt.Sprintf("%d %s", i, strings.Repeat("x", loadBytes))[:loadBytes]
		l.msgs = append(l.msgs, coretest.Message(t, n, coretest.Key(i%loadNodes), text))
		l.number[l.msgs[i].ID] = i
	}
	for i := range loadNodes {
		l.start(n, i)
		l.seen = append(l.seen, make([]time.Duration, count))
	}
	for i, a := range l.nodes {
		for _, b := range l.nodes[:i] {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if err := a.Connect(ctx, b.Addrs()[0]); err != nil {
				t.Fatalf("connecting: %v", err)
			}
			cancel()
		}
	}
	eventually(t, "everybody is in everybody's mesh", func() error {
		for i, node := range l.nodes {
			if mesh := node.Gossip().Mesh; mesh != loadNodes-1 {
				return fmt.Errorf("node %d has %d neighbours", i, mesh)
			}
		}
		return nil
	})
	return l
}

// start opens and runs the i-th node until the test ends.
func (l *traffic) start(n *core.Network, i int) {
	t := l.t
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("starting node %d: %v", i, err)
		}
	}
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(t.TempDir(), n, store.Options{OnFatal: func(err error) { t.Errorf("store: %v", err) }})
	must(err)
	t.Cleanup(func() { s.Close() })
	chains, pools, peers := chain.DefaultConfig(), mempool.DefaultConfig(), p2p.DefaultConfig()
	chains.Log, pools.Log, peers.Log, peers.Exchange.Log, peers.Syncer.Log, peers.Gossip.Log = log, log, log, log, log, log
	chains.Verified = consensus.NewVerified()
	pools.Verified = chains.Verified
	c, err := chain.Open(n, s, chains)
	must(err)
	node := &loaded{}
	node.pool, err = mempool.Open(n, c, s, pools)
	must(err)
	peers.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	peers.Key, err = crypto.UnmarshalEd25519PrivateKey(coretest.Key(i))
	must(err)
	node.Node, err = p2p.Open(n, c, node.pool, peers)
	must(err)
	l.nodes = append(l.nodes, node)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range []func(context.Context) error{node.pool.Run, node.Run} {
		running.Go(func() {
			if err := part(ctx); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		node.Close()
	})
}

// run writes the messages at the given rate, each to the next node, whether those before it are
// accepted or not, and returns when all of them are everywhere.
func (l *traffic) run() {
	l.begun = time.Now()
	var watching, writing sync.WaitGroup
	for i := range l.nodes {
		watching.Go(func() { l.watch(i) })
	}
	for i, m := range l.msgs {
		time.Sleep(time.Until(l.begun.Add(time.Duration(i) * time.Second / loadRate)))
		writing.Go(func() {
			if err := l.nodes[i%loadNodes].pool.Add([]*core.Message{m}, mempool.Origin{})[0]; err != nil {
				l.t.Errorf("message %d: %v", i, err)
			}
			l.accepted[i] = time.Since(l.begun)
		})
	}
	writing.Wait()
	l.lasted = time.Since(l.begun)
	watching.Wait()
}

// watch notes when each message waits at a node, until all do.
func (l *traffic) watch(i int) {
	pool := l.nodes[i].pool
	poke, stop := pool.Subscribe()
	defer stop()
	limit := time.NewTimer(time.Duration(len(l.msgs))*time.Second/loadRate + patience)
	defer limit.Stop()
	after, found := uint64(0), 0
	for found < len(l.msgs) {
		page, err := pool.List(after, 1000)
		if err != nil {
			l.t.Errorf("node %d: %v", i, err)
			return
		}
		now := time.Since(l.begun)
		for _, w := range page {
			l.seen[i][l.number[w.ID]] = now
			after = w.Seq
		}
		if found += len(page); len(page) > 0 {
			continue
		}
		select {
		case <-poke:
		case <-limit.C:
			return // complete will say what is missing
		}
	}
}

// complete fails for every drop and for messages that are missing.
func (l *traffic) complete() {
	l.t.Helper()
	for i, node := range l.nodes {
		if got := node.pool.Totals().Count; got != len(l.msgs) {
			l.t.Errorf("%d of %d messages wait at node %d", got, len(l.msgs), i)
		}
		s := node.Gossip()
		if len(s.Drops) > 0 {
			l.t.Errorf("node %d dropped %v", i, s.Drops)
		}
		l.t.Logf("node %d: %+v", i, s)
	}
}

// latencies returns the time from each message's acceptance until it waits at the last node, ascending.
func (l *traffic) latencies() []time.Duration {
	out := make([]time.Duration, len(l.msgs))
	for i := range out {
		last := time.Duration(0)
		for _, seen := range l.seen {
			last = max(last, seen[i])
		}
		out[i] = max(0, last-l.accepted[i])
	}
	slices.Sort(out)
	return out
}
