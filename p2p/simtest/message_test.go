package simtest

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/p2ptest"
)

// TestMessageReachesAll holds a figure of docs/benchmarks.md: over 50 nodes on links of 50 to 150 ms, every
// message gets everywhere, 99 % of the deliveries within a second.
func TestMessageReachesAll(t *testing.T) {
	count, messages := size(16, 50), size(60, 300)
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 50 * time.Millisecond, Spread: 100 * time.Millisecond, BitsPerSecond: 100_000_000})
		n := coretest.Network(t)
		random := s.Random(0)
		dials := randomDials(random, count, 4)
		var nodes []*simNode
		for _, others := range dials {
			nodes = append(nodes, s.Start(n, config{Dials: others}))
		}
		want := neighbours(dials)
		took := s.Within(time.Minute, "connected as planned", func() bool {
			for i, node := range nodes {
				if len(node.P2P.Peers()) < want[i] {
					return false
				}
			}
			return true
		})
		t.Logf("all connections after %v", took)
		time.Sleep(5 * time.Second) // heartbeats that form the meshes
		w := watchPools(t, nodes)
		before := s.Counts()
		for i := range messages {
			w.say(t, nodes[random.IntN(count)], text("message", i))
			time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
		}
		all := (count - 1) * messages
		s.Within(time.Minute, "everywhere", func() bool { return w.count() == all })
		times := w.times()
		after := s.Counts()
		t.Logf("%d messages on %d nodes: p50 %v, p99 %v, last %v; %d bytes per message and node", messages, count,
			quantile(times, 0.5), quantile(times, 0.99), times[len(times)-1], (after.Bytes-before.Bytes)/int64(all))
		s.NobodyAccused()
		if p99 := quantile(times, 0.99); p99 > time.Second {
			t.Errorf("p99 is %v, want at most 1s", p99)
		}
	})
}
