package store

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// unsigned returns a message of about 600 bytes. It is not signed, which the store cannot tell: a
// signature would take longer than all that is measured here.
func unsigned(n *core.Network, number uint64) *core.Message {
	body := &core.Body{Payload: make([]byte, 400)}
	binary.BigEndian.PutUint64(body.Payload, number*0x9e3779b97f4a7c15)
	m := &core.Message{Body: body, Envelope: core.Envelope{Nonce: number, PayloadSize: 400, Commitment: core.Commit(body.Salt, body.Payload)}}
	m.ID = m.Envelope.ID(n.Genesis)
	return m
}

func unsignedMessages(n *core.Network, from, count int) []*core.Message {
	msgs := make([]*core.Message, count)
	for i := range msgs {
		msgs[i] = unsigned(n, uint64(from+i))
	}
	return msgs
}

// Durable accepts of one message each.
func BenchmarkAccept(b *testing.B) {
	for _, clients := range []int{1, 64} {
		b.Run(text("clients=%d", clients), func(b *testing.B) {
			n := coretest.Network(b)
			s := openReal(b, b.TempDir(), n)
			msgs := unsignedMessages(n, 0, b.N)
			var next atomic.Int64
			var wait sync.WaitGroup
			b.ResetTimer()
			for range clients {
				wait.Go(func() {
					for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
						if _, err := s.Accept(msgs[i:i+1], true, 1); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wait.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// Connecting blocks of 1,000 messages each that wait here, or that come with the block.
func BenchmarkConnect(b *testing.B) {
	const perBlock = 1000
	for _, waiting := range []bool{true, false} {
		b.Run(text("waiting=%v", waiting), func(b *testing.B) {
			n := coretest.Network(b)
			s := openReal(b, b.TempDir(), n)
			tip, made := coretest.Genesis(n), 0
			for b.Loop() {
				b.StopTimer()
				msgs := unsignedMessages(n, made, perBlock)
				made += perBlock
				if waiting {
					if _, err := s.Accept(msgs, false, 1); err != nil {
						b.Fatal(err)
					}
				}
				block := coretest.Next(b, n, tip, msgs...)
				tip = tip.After(block)
				b.StartTimer()
				connect(b, s, block)
			}
			b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// Reading from a store with 100,000 messages in 100 blocks.
func BenchmarkRead(b *testing.B) {
	n, dir := coretest.Network(b), b.TempDir()
	s := openReal(b, dir, n)
	blocks := fill(b, n, s, 100, 1000)
	closeNow(b, s)
	s = openReal(b, dir, n)
	b.Run("message", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			block := blocks[i*7919%len(blocks)]
			if _, err := s.Message(block.Messages[i*104729%len(block.Messages)].ID); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("block", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := s.Block(blocks[i%len(blocks)].Header.Hash()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("unknown", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := s.Lookup(core.Hash{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24), 1}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			check(b, s)
		}
	})
}

// fill connects blocks with messages that the store did not know.
func fill(t testing.TB, n *core.Network, s *Store, count, perBlock int) []*core.Block {
	tip := coretest.Genesis(n)
	blocks := make([]*core.Block, count)
	for i := range blocks {
		blocks[i] = coretest.Next(t, n, tip, unsignedMessages(n, i*perBlock, perBlock)...)
		tip = tip.After(blocks[i])
		connect(t, s, blocks[i])
	}
	return blocks
}

// What an open store takes of memory does not depend on what is in it.
func TestMemoryIsFlat(t *testing.T) {
	if raceDetector {
		t.Skip("there is nothing concurrent in this, and the race detector takes memory itself")
	}
	n := coretest.Network(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	growth := func(messages int) uint64 {
		dir, small := t.TempDir(), Options{CacheBytes: 4 << 20}
		s, err := Open(dir, n, small)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, n, s, messages/2000, 1000)
		for from := messages / 2; from < messages; from += 1000 {
			if _, err := s.Accept(unsignedMessages(n, from, 1000), true, 1); err != nil {
				t.Fatal(err)
			}
		}
		closeNow(t, s)
		before := heap()
		if s, err = Open(dir, n, small); err != nil {
			t.Fatal(err)
		}
		for number := range 2000 { // as much use of the caches for each
			if _, err := s.Message(unsigned(n, uint64(number*messages/2000)).ID); err != nil {
				t.Fatal(err)
			}
		}
		after := heap()
		if count, _ := s.WaitingTotals(); count != messages/2 {
			t.Errorf("%d messages wait, want %d", count, messages/2)
		}
		closeNow(t, s)
		return max(after, before) - before
	}
	few, many := growth(10_000), growth(100_000)
	t.Logf("heap of an open store: %d KiB with 10,000 messages, %d KiB with 100,000", few>>10, many>>10)
	if many > few+8<<20 {
		t.Errorf("an open store takes %d MiB with 100,000 messages and %d MiB with 10,000", many>>20, few>>20)
	}
}
