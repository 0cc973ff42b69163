package mempool_test

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/mempool"
)

// BenchmarkTemplate takes a template of a full block, 32,768 messages, from memory.
func BenchmarkTemplate(b *testing.B) {
	w := newWorld(b)
	w.ledger.onlyIDs(w.messages("m", 32768))
	w.pool.Template(1, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if _, msgs, err := w.pool.Template(32768, 32<<20); err != nil || len(msgs) != 32768 {
			b.Fatalf("%d messages, %v", len(msgs), err)
		}
	}
}

// BenchmarkAdd adds bundles of 64 messages; the store costs nothing here. What is left is mostly
// signatures: known messages show the rest.
func BenchmarkAdd(b *testing.B) {
	const bundle = 64
	for name, known := range map[string]bool{"new": false, "known": true} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b)
			msgs := w.messages("m", bundle)
			w.add(foreign, msgs...)
			for b.Loop() {
				if !known {
					b.StopTimer()
					w.ledger.drop(msgs)
					w.open(func(c *mempool.Config) { c.MemoryBytes = 1 << 20 })
					b.StartTimer()
				}
				w.pool.Add(msgs, foreign)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bundle), "ns/message")
		})
	}
}

// drop forgets messages that wait.
func (l *ledger) drop(msgs []*core.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ids := make(map[core.Hash]bool)
	for _, m := range msgs {
		ids[m.ID] = true
	}
	l.forget(ids)
}
