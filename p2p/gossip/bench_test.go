package gossip

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// BenchmarkTakeBundle judges bundles of new messages on a real disk, by as many verdicts at a time
// as the validator has workers: signatures, the pool, and the fsync that they share.
func BenchmarkTakeBundle(b *testing.B) {
	for _, size := range []int{1, 150} {
		b.Run(fmt.Sprintf("%d messages", size), func(b *testing.B) {
			n := coretest.Network(b)
			s, err := store.Open(b.TempDir(), n, store.Options{OnFatal: func(err error) { b.Error(err) }})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			d := &desk{now: time.Now()}
			log := slog.New(slog.DiscardHandler)
			chains, pools, cfg := chain.DefaultConfig(), mempool.DefaultConfig(), DefaultConfig()
			chains.Log, pools.Log, cfg.Log = log, log, log
			if d.chain, err = chain.Open(n, s, chains); err != nil {
				b.Fatal(err)
			}
			if d.pool, err = mempool.Open(n, d.chain, s, pools); err != nil {
				b.Fatal(err)
			}
			if d.Gossip, err = New(nil, n, d.chain, d.pool, nil, d, d, cfg); err != nil {
				b.Fatal(err)
			}
			bundles := make([][]byte, b.N)
			for i := range bundles {
				msgs := make([]*core.Message, size)
				for j := range msgs {
					msgs[j] = coretest.Message(b, n, coretest.Key(0), fmt.Sprintf("%0200d", i*size+j))
				}
				bundles[i] = bundle(b, msgs...)
			}
			var next atomic.Int64
			var slowest atomic.Int64
			b.SetParallelism(max(1, cfg.ValidateWorkers/2))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					begin := time.Now()
					if err := d.takeBundle("a", bundles[next.Add(1)-1]); err != nil {
						b.Error(err)
					}
					if took := int64(time.Since(begin)); took > slowest.Load() {
						slowest.Store(took)
					}
				}
			})
			b.ReportMetric(float64(size*b.N)/b.Elapsed().Seconds(), "messages/s")
			b.ReportMetric(float64(slowest.Load())/1e6, "ms-slowest")
		})
	}
}
