package syncer

import "testing"

// BenchmarkStorm holds the figure of the seeded event loop: how many seconds of nine nodes in a storm
// pass in a second here.
func BenchmarkStorm(b *testing.B) {
	simulated := 0.0
	for i := range b.N {
		s, _, ok := storm(uint64(i))
		if !ok {
			b.Errorf("seed %d: the nodes do not agree five minutes after the storm", i)
		}
		simulated += s.now.Sub(s.start).Seconds()
	}
	b.ReportMetric(simulated/b.Elapsed().Seconds(), "simulated-s/s")
	b.ReportMetric(0, "ns/op")
}
