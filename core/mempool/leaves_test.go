package mempool_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// shortIDs returns those of messages in a block of this hash.
func shortIDs(block core.Hash, msgs ...*core.Message) []core.ShortID {
	key, out := core.ShortKeyOf(block), make([]core.ShortID, len(msgs))
	for i, m := range msgs {
		leaf := m.Leaf()
		hash := leaf.Hash()
		out[i] = key.ID(&hash)
	}
	return out
}

// wantMatch looks for messages and fails unless exactly those of known are found.
func (w *world) wantMatch(known []*core.Message, msgs []*core.Message, sealed ...core.Hash) {
	w.t.Helper()
	block := core.Hash{31: 7}
	got, err := w.pool.Match(block, shortIDs(block, msgs...), sealed)
	if err != nil || len(got) != len(msgs) {
		w.t.Fatalf("Match = %d messages, %v", len(got), err)
	}
	for i, m := range msgs {
		switch want := slices.Contains(known, m); {
		case (got[i] != nil) != want:
			w.t.Errorf("message %q found: %v", m.Body.Payload, got[i] != nil)
		case want && (got[i].Leaf() != m.Leaf() || got[i].Body == nil):
			w.t.Errorf("message %q: another one, or without its body", m.Body.Payload)
		}
	}
}

func TestMatch(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 6)
	w.add(local, m[:4]...)
	w.wantMatch(m[:4], m)
	w.wantMatch(nil, nil)

	w.seal("genesis", "a1", m[0], m[1])
	w.template() // follows the chain
	w.wantMatch(m[2:4], m)
	w.wantMatch(m[:4], m, w.forks.Hash("a1"))
	w.wantMatch(m[2:4], m, core.Hash{1}) // a block that is not here

	w.seal("genesis", "b1", m[1], m[4])
	w.seal("b1", "b2")
	w.template()
	w.wantMatch([]*core.Message{m[0], m[2], m[3]}, m) // given back
}

// A message that its author signed twice waits with one signature, and a block may hold the other.
func TestMatchTellsSignaturesApart(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 1)[0]
	second := coretest.Resigned(t, coretest.Key(0), m)
	w.seal("genesis", "a1", second)
	w.seal("genesis", "b1")
	w.seal("b1", "b2") // gives it back, with the signature of the block
	w.template()
	w.wantMatch([]*core.Message{second}, []*core.Message{second, m})

	w = newWorld(t)
	w.add(local, m)
	w.wantMatch([]*core.Message{m}, []*core.Message{second, m})
	w.seal("genesis", "a1", second)
	w.template()
	w.ledger.messages[m.ID] = m // the record of a message keeps its first signature
	w.wantMatch([]*core.Message{second}, []*core.Message{second, m}, w.forks.Hash("a1"))
}

// Messages for which memory has no room are read from disk, those of before a restart, too.
func TestMatchOnDisk(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 40)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *mempool.Config) { c.MemoryBytes = 2000 })
		w.add(local, msgs...)
		w.template()
		if in := w.pool.Totals().InMemory; in > 10 {
			t.Fatalf("%d messages in memory: this tests nothing", in)
		}
		w.wantMatch(msgs, msgs)

		w.open(func(c *mempool.Config) { c.MemoryBytes = 2000 })
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { w.pool.Run(ctx) })
		synctest.Wait()
		w.wantMatch(msgs, msgs)
		cancel()
		running.Wait()
	})
}

// What a reorg gives back is found before it is in memory.
func TestMatchGivenBackOnDisk(t *testing.T) {
	w := newWorld(t, func(c *mempool.Config) { c.MemoryBytes = 2000 })
	msgs := w.messages("m", 40)
	w.add(local, msgs...)
	w.seal("genesis", "a1", msgs[30:]...)
	w.template()
	w.wantMatch(msgs[:30], msgs)
	w.seal("genesis", "b1")
	w.seal("b1", "b2", msgs[35:]...)
	w.template()
	if in := w.pool.Totals().InMemory; in > 10 {
		t.Fatalf("%d messages in memory: this tests nothing", in)
	}
	w.wantMatch(msgs[:35], msgs)
}

// Whoever makes up short ids must not have the largest waiting messages read into memory.
func TestMatchIsBounded(t *testing.T) {
	w := newWorld(t)
	text := strings.Repeat("x", w.n.Params.MaxPayloadBytes-10)
	size := w.messages(text, 1)[0].Size()
	fit := (w.n.Params.MaxBlockBytes - core.HeaderSize) / (size + 2) // up to three digits at the end of the text
	msgs := w.messages(text, fit+5)
	w.add(local, msgs...)
	block := core.Hash{1}
	if _, err := w.pool.Match(block, shortIDs(block, msgs...), nil); !errors.Is(err, mempool.ErrTooLarge) {
		t.Errorf("Match of more than a block = %v, want ErrTooLarge", err)
	}
	if got, err := w.pool.Match(block, shortIDs(block, msgs[:fit]...), nil); err != nil || slices.Contains(got, nil) {
		t.Errorf("Match of a block = %d messages, %v", len(got), err)
	}
}

// BenchmarkMatch finds a block of 10,000 among 100,000 waiting messages, as they are found when a
// block is announced, and says what it takes to be able to.
func BenchmarkMatch(b *testing.B) {
	w := newWorld(b)
	msgs := w.messages("m", 100_000)
	w.ledger.onlyIDs(msgs)
	w.pool.Template(1, 1<<20)
	block := core.Hash{5}
	short := shortIDs(block, msgs[:10_000]...)
	b.ReportAllocs()
	for b.Loop() {
		if got, err := w.pool.Match(block, short, nil); err != nil || slices.Contains(got[:9000], nil) {
			b.Fatal("not found:", err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/block")
	before := heap()
	index := mempool.IndexOf(msgs)
	b.ReportMetric(float64(heap()-before)/float64(len(msgs)), "B/message")
	runtime.KeepAlive(index)
	runtime.KeepAlive(w)
	runtime.KeepAlive(msgs)
}
