package store

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// Forgetting in a store with 100,000 messages of 100 blocks: one message erased until its bytes are gone, a
// step of pruning, and connecting a block where something was erased before.
func BenchmarkForget(b *testing.B) {
	const blocks, perBlock = 100, 1000
	n := coretest.Network(b)
	s := openReal(b, b.TempDir(), n)
	tip := coretest.Genesis(n)
	var msgs []*core.Message
	for i := range blocks {
		list := unsignedMessages(n, i*perBlock, perBlock)
		block := coretest.Next(b, n, tip, list...)
		tip = tip.After(block)
		connect(b, s, block)
		msgs = append(msgs, list...)
	}
	at := 0
	b.Run("erase", func(b *testing.B) {
		for b.Loop() {
			erase(b, s, late, msgs[at])
			at += 977
			list, err := s.Dropped()
			if err == nil {
				err = s.Tidy(b.Context(), list, false)
			}
			if err == nil {
				err = s.Forgotten(list)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("connect", func(b *testing.B) {
		made := blocks * perBlock
		for b.Loop() {
			b.StopTimer()
			block := coretest.Next(b, n, tip, unsignedMessages(n, made, perBlock)...)
			made, tip = made+perBlock, tip.After(block)
			b.StartTimer()
			connect(b, s, block)
		}
		b.ReportMetric(float64(perBlock*b.N)/b.Elapsed().Seconds(), "messages/s")
	})
	b.Run("prune", func(b *testing.B) {
		before := s.Pruned().Bodies
		for b.Loop() {
			if _, err := s.Prune(blocks); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(s.Pruned().Bodies-before)/b.Elapsed().Seconds(), "payloads/s")
	})
}
