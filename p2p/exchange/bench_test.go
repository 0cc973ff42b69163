package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// BenchmarkBlocks moves blocks between two hosts of this machine, with all checks of the client and
// none of the chain. It reports messages and bytes on the wire.
func BenchmarkBlocks(b *testing.B) {
	n := coretest.Network(b)
	for _, perBlock := range []int{1, 1000} {
		b.Run(fmt.Sprintf("%d messages of 200 B", perBlock), func(b *testing.B) {
			var blocks []*core.Block
			tip := coretest.Genesis(n)
			for i := range 16 {
				msgs := make([]*core.Message, perBlock)
				for j := range msgs {
					msgs[j] = coretest.Message(b, n, coretest.Key(0), fmt.Sprintf("%d/%d/%s", i, j, strings.Repeat("x", 190)))
				}
				block := coretest.Next(b, n, tip, msgs...)
				blocks, tip = append(blocks, block), tip.After(block)
			}
			w := newWorld(b, n, loopback, blocks, nil)
			hashes := hashesOf(blocks)
			bytes := 0
			for _, block := range blocks {
				bytes += block.Size()
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			count := 0
			for b.Loop() {
				got, err := w.blocks(hashes)
				if err != nil || len(got) != len(blocks) {
					b.Fatalf("%d blocks, %v", len(got), err)
				}
				count += len(got)
			}
			b.ReportMetric(float64(count)/b.Elapsed().Seconds(), "blocks/s")
			b.ReportMetric(float64(count*perBlock)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
