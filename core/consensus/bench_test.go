package consensus_test

import (
	"fmt"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func BenchmarkCheckHeader(b *testing.B) {
	n := coretest.Network(b)
	genesis := coretest.Genesis(n)
	parent := genesis.After(coretest.Next(b, n, genesis))
	h := coretest.Next(b, n, parent).Header
	for b.Loop() {
		if err := consensus.CheckHeader(n, &parent.Header, parent.Hash, parent.History, &h); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1, "headers/s")
}

// BenchmarkCheckBlock checks 1,000 messages of 200 bytes by 10 authors.
func BenchmarkCheckBlock(b *testing.B) {
	n := coretest.Network(b)
	msgs := benchMessages(b, n, 1000)
	block := coretest.Next(b, n, coretest.Genesis(n), msgs...)
	for b.Loop() {
		if err := consensus.CheckBlock(n, block); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, len(msgs), "messages/s")
}

func BenchmarkCheckMessage(b *testing.B) {
	n := coretest.Network(b)
	m := benchMessages(b, n, 1)[0]
	for b.Loop() {
		if err := consensus.CheckMessage(n, m); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1, "messages/s")
}

func BenchmarkCheckSignature(b *testing.B) {
	m := benchMessages(b, coretest.Network(b), 1)[0]
	for b.Loop() {
		if err := consensus.CheckSignature(m); err != nil {
			b.Fatal(err)
		}
	}
	perSecond(b, 1, "signatures/s")
}

// BenchmarkCheckSignatures uses all processors; -cpu 1 shows what the batch alone gains.
func BenchmarkCheckSignatures(b *testing.B) {
	all := benchMessages(b, coretest.Network(b), 4096)
	for _, count := range []int{2, 16, 64, 256, 1000, 4096} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			for b.Loop() {
				if err := consensus.CheckSignatures(all[:count]); err != nil {
					b.Fatal(err)
				}
			}
			perSecond(b, count, "signatures/s")
		})
	}
}

func BenchmarkNextBits(b *testing.B) {
	n := coretest.Network(b)
	parent := n.Header
	for b.Loop() {
		consensus.NextBits(n, &parent)
	}
}

// BenchmarkClassicProof tries proofs as seed 1 does.
func BenchmarkClassicProof(b *testing.B) {
	parent := core.Header{Height: 1, Nonce: 1406000}
	proof := uint64(0)
	for b.Loop() {
		consensus.ClassicMet(consensus.ClassicProof(&parent, proof), 16)
		proof++
	}
	perSecond(b, 1, "hashes/s")
}

func benchMessages(b *testing.B, n *core.Network, count int) []*core.Message {
	msgs := make([]*core.Message, count)
	for i := range msgs {
		text := fmt.Sprintf("%-10d", i)
		msgs[i] = coretest.Message(b, n, coretest.Key(i%10), text+strings.Repeat("x", 200-len(text)))
	}
	return msgs
}

func perSecond(b *testing.B, each int, unit string) {
	b.ReportMetric(float64(each)*float64(b.N)/b.Elapsed().Seconds(), unit)
}
