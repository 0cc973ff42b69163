//go:build unix

package gossip_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/store"
	"p2pchain/p2p/p2ptest"
)

// BenchmarkRelay10000 takes the time from the announcement of a block of 10,000 messages of 200 bytes
// at one node to its connection at the next, on a real disk and over loopback. All messages wait there:
// "compact" rebuilds the block from them and remembers their signatures, "fetch" is announced by a
// header, gets the block whole and checks all of it, as it was before. Both run in turns, so that
// their ratio depends little on what else the machine does; that of the processor time of both nodes
// depends on it least.
func BenchmarkRelay10000(b *testing.B) {
	n := coretest.Network(b)
	compact := newPair(b, n, false)
	fetch := newPair(b, n, true)
	for i := range b.N {
		b.StopTimer()
		msgs := make([]*core.Message, 10_000)
		for j := range msgs {
			msgs[j] = coretest.Message(b, n, coretest.Key(j%100), fmt.Sprintf("%d/%0190d", i, j))
		}
		compact.know(msgs)
		fetch.know(msgs)
		b.StartTimer()
		compact.relay(func(ctx context.Context, block *core.Block) error {
			return compact.from.Gossip.PublishBlock(ctx, block)
		})
		fetch.relay(func(ctx context.Context, block *core.Block) error { return fetch.from.Gossip.PublishHeader(ctx, block) })
	}
	if got := compact.to.Gossip.Stats().Rebuilds; got.Rebuilt != uint64(b.N) || got.Asked > 0 {
		b.Errorf("%+v: this measures something else", got)
	}
	perBlock := func(p *pair) float64 { return p.took.Seconds() * 1e3 / float64(b.N) }
	b.ReportMetric(perBlock(compact), "compact-ms/block")
	b.ReportMetric(perBlock(fetch), "fetch-ms/block")
	b.ReportMetric(perBlock(fetch)/perBlock(compact), "ratio")
	b.ReportMetric(compact.cpu.Seconds()*1e3/float64(b.N), "compact-cpu-ms")
	b.ReportMetric(fetch.cpu.Seconds()*1e3/float64(b.N), "fetch-cpu-ms")
	b.ReportMetric(fetch.cpu.Seconds()/compact.cpu.Seconds(), "cpu-ratio")
}

// A pair is two nodes, of which the second gets its blocks from the first.
type pair struct {
	b        *testing.B
	from, to *p2ptest.Node
	msgs     []*core.Message
	took     time.Duration
	cpu      time.Duration // of the process, which has both nodes
}

func newPair(b *testing.B, n *core.Network, forgetful bool) *pair {
	b.Helper()
	nodes := make([]*p2ptest.Node, 2)
	for i := range nodes {
		s, err := store.Open(b.TempDir(), n, store.Options{OnFatal: func(err error) { b.Error(err) }})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		nodes[i] = p2ptest.Start(b, n, s, p2ptest.Config{Forgetful: forgetful})
	}
	p2ptest.Connect(b, nodes[0], nodes[1])
	return &pair{b: b, from: nodes[0], to: nodes[1]}
}

// know lets both know messages.
func (p *pair) know(msgs []*core.Message) {
	p.b.Helper()
	for at := 0; at < len(msgs); at += 1000 {
		p.from.Say(msgs[at : at+1000]...)
	}
	p2ptest.Eventually(p.b, "all messages at both", func() bool { return p.to.Pool.Totals().Count == len(msgs) })
	p.msgs = msgs
}

// relay lets the first node seal the messages and waits until the second has connected the block, which
// takes the time from the announcement on.
func (p *pair) relay(publish func(context.Context, *core.Block) error) {
	p.b.Helper()
	block := p.from.MineQuietly(p.msgs...)
	changed, stop := p.to.Chain.Subscribe()
	defer stop()
	begun, worked := time.Now(), processorTime(p.b)
	if err := publish(p.b.Context(), block); err != nil {
		p.b.Fatal(err)
	}
	limit := time.After(20 * time.Second)
	for p.to.Chain.Tip().Hash != block.Header.Hash() {
		select {
		case <-changed:
		case <-limit:
			p.b.Fatal("the block did not come")
		}
	}
	p.took += time.Since(begun)
	p.cpu += processorTime(p.b) - worked
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
