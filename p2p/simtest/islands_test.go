package simtest

import (
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/p2ptest"
)

// TestIslands cuts a network in half for so long that both halves have long chains of their own and
// have given each other up, and holds that they become one soon after the cut, with the messages of
// both.
func TestIslands(t *testing.T) {
	const nodes = 6
	apart := time.Duration(size(2, 30)) * time.Minute
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 80 * time.Millisecond, BitsPerSecond: 20_000_000})
		n := coretest.Network(t, func(p *core.Params) { p.BlockIntervalMS, p.Difficulty = 2000, 2 })
		w := &weather{s: s, random: s.Random(0)}
		for i, others := range randomDials(w.random, nodes, 3) {
			w.nodes = append(w.nodes, s.Start(n, config{Dials: others, TriesPerSecond: 20}))
			w.write(t, i)
		}
		time.Sleep(10 * time.Second)
		fork := w.nodes[0].Chain.Tip().Header.Height
		s.Partition(w.nodes[:nodes/2])
		time.Sleep(apart)
		w.quiet()
		a, b := w.nodes[0].Chain.Tip().Header, w.nodes[nodes-1].Chain.Tip().Header
		s.Heal()
		met := s.Within(2*time.Minute, "in touch again", func() bool {
			for _, node := range w.nodes[:nodes/2] {
				for _, p := range node.P2P.Peers() {
					if isOf(w.nodes[nodes/2:], p.ID) {
						return true
					}
				}
			}
			return false
		})
		agreed := s.Within(time.Minute, "one tip", s.Agree)
		accepted := s.Accepted()
		sealed := s.Within(time.Minute, "all accepted messages sealed", func() bool {
			return s.Agree() && w.nodes[0].Sealed(accepted) == len(accepted)
		})
		t.Logf("%v apart: chains of %d and %d blocks from height %d on; in touch after %v, one tip after %v more, all %d messages sealed after %v more",
			apart, a.Height-fork, b.Height-fork, fork, met, agreed, len(accepted), sealed)
		// Each makes one in five seconds, 26 ± 5 of them in two minutes; three or fewer are once in a million.
		if shorter := min(a.Height, b.Height) - fork; shorter < uint64(apart/(40*time.Second)) {
			t.Errorf("the run is void: a half made %d blocks", shorter)
		}
		s.NobodyAccused()
		s.Happened(1, "partitions")
		s.Happened(100, "cut")
		s.CheckStores()
	})
}

// isOf reports whether one of the nodes has a peer id.
func isOf(nodes []*simNode, id string) bool {
	for _, node := range nodes {
		if node.P2P.ID() == id {
			return true
		}
	}
	return false
}
