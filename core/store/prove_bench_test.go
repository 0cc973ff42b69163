package store

import (
	"flag"
	"slices"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/proof"
)

var (
	proveMessages = flag.Int("prove-messages", 50_000, "messages of the store that proofs are made from; 1000000 for the figures")
	proveBlock    = flag.Int("prove-block", 1000, "messages of a block of that store")
)

// BenchmarkProve makes the proofs of messages at random from a store on disk that was opened anew, and
// encodes them. What was the slowest hundredth is told, too.
func BenchmarkProve(b *testing.B) {
	n, dir := coretest.Network(b), b.TempDir()
	s := openReal(b, dir, n)
	tip := coretest.Genesis(n)
	hashes, ids := []core.Hash{n.Genesis}, []core.Hash(nil)
	rng := random.Source(b)
	for from := 0; from < *proveMessages; from += *proveBlock {
		msgs := unsignedMessages(n, from, min(*proveBlock, *proveMessages-from))
		for _, m := range msgs {
			m.Seen = hashes[rng.IntN(len(hashes))]
			m.ID = m.Envelope.ID(n.Genesis)
			ids = append(ids, m.ID)
		}
		block := coretest.Next(b, n, tip, msgs...)
		tip = tip.After(block)
		hashes = append(hashes, tip.Hash)
		if err := s.Commit(chain.Change{Store: []chain.Stored{{Hash: tip.Hash, SeenMS: 1, Block: block}}, Apply: []core.Hash{tip.Hash}}); err != nil {
			b.Fatal(err)
		}
	}
	closeNow(b, s)
	s = openReal(b, dir, n)
	var took []time.Duration
	size := 0
	for b.Loop() {
		start := time.Now()
		p, err := proof.Build(s, ids[rng.IntN(len(ids))])
		if err != nil {
			b.Fatal(err)
		}
		size = len(p.Encode())
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(size), "bytes")
}
