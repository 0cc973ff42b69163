package mempool_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
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

// BenchmarkDurableAdd adds single messages to a real store, by so many clients at once: each waits
// for its fsync, and those of several clients are one.
func BenchmarkDurableAdd(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprint(clients), func(b *testing.B) {
			n := coretest.Network(b)
			s, err := store.Open(b.TempDir(), n, store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			c, err := chain.Open(n, s, chain.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			pool, err := mempool.Open(n, c, s, mempool.DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			msgs := coretest.Messages(b, n, "m", b.N)
			var next atomic.Int64
			var running sync.WaitGroup
			b.ResetTimer()
			for range clients {
				running.Go(func() {
					for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
						if err := pool.Add(msgs[i:i+1], local)[0]; err != nil {
							b.Error(err)
						}
					}
				})
			}
			running.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
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
