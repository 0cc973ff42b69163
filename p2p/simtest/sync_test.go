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

// behind returns a node without blocks that dials three others, which have all of these.
func behind(t *testing.T, s *simulation, n *core.Network, length int) (fresh *simNode, blocks []*core.Block) {
	t.Helper()
	time.Sleep(time.Duration(length) * time.Duration(n.Params.BlockIntervalMS) * time.Millisecond) // or its blocks are of the future
	for tip := coretest.Genesis(n); len(blocks) < length; tip = tip.After(blocks[len(blocks)-1]) {
		messages := 3
		if len(blocks)%100 == 50 {
			messages = 150 // small blocks and large ones take different ways into a stream
		}
		blocks = append(blocks, coretest.Next(t, n, tip, coretest.Messages(t, n, tip.Hash.String(), messages)...))
	}
	for range 3 {
		node := s.Start(n, config{})
		for part := blocks; len(part) > 0; part = part[min(100, len(part)):] {
			if _, err := node.Chain.AddBlocks(part[:min(100, len(part))]); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s.Start(n, config{Dials: []int{0, 1, 2}}), blocks
}

// TestSyncOverDistance holds that catching up from peers which are far away is not bound by the
// time of round trips: many small blocks are on their way at a time.
func TestSyncOverDistance(t *testing.T) {
	length := size(1500, 10000)
	limit := time.Duration(length) * time.Second / 450 // 370 a second with 16 blocks a peer under way
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 60 * time.Millisecond, BitsPerSecond: 20_000_000})
		fresh, _ := behind(t, s, coretest.Network(t), length)
		took := s.Within(5*time.Minute, "all blocks", func() bool { return fresh.Chain.Tip().Header.Height == uint64(length) })
		t.Logf("%d blocks in %v: %.0f a second", length, took, float64(length)/took.Seconds())
		s.NobodyAccused()
		if took > limit {
			t.Errorf("%d blocks took %v, want %v at most", length, took, limit)
		}
	})
}

// TestSyncOverBadLinks lets a fresh node catch up while a tenth of all packets gets lost and others
// come twice or late. On the way one of its three peers is cut off and the node itself loses its
// power, and it goes on from what its disk kept.
func TestSyncOverBadLinks(t *testing.T) {
	length := size(600, 6000)
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, start, p2ptest.Links{
			Latency: 20 * time.Millisecond, Spread: 60 * time.Millisecond, Jitter: 5 * time.Millisecond,
			Loss: 0.1, Duplicate: 0.03, Reorder: 0.05, BitsPerSecond: 20_000_000,
		})
		fresh, blocks := behind(t, s, coretest.Network(t), length)
		height := func() uint64 { return fresh.Chain.Tip().Header.Height }
		at := func(share int) func() bool { return func() bool { return height() >= uint64(length*share/100) } }

		began := s.Elapsed()
		s.Within(5*time.Minute, "a fifth of the blocks", at(20))
		s.Partition([]*simNode{s.Nodes()[0]})
		s.Within(5*time.Minute, "half of the blocks", at(50))
		had := height()
		fresh.Crash()
		fresh.Restart()
		kept := height()
		if kept < had {
			t.Errorf("the node kept %d blocks of the %d that it had connected", kept, had)
		}
		s.Within(5*time.Minute, "all blocks", at(100))
		if got, want := fresh.Chain.Tip().Hash, blocks[length-1].Header.Hash(); got != want {
			t.Errorf("tip %v, want %v", got, want)
		}
		t.Logf("%d blocks in %v, %d of them before the power cut; %v", length, s.Elapsed()-began, kept, s.Counts())
		s.Happened(20, "lost", "duplicated", "reordered")
		s.Happened(1, "cut", "partitions", "crashes", "restarts")
		s.NobodyAccused()
		s.CheckStores()
	})
}
