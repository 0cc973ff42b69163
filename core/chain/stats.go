package chain

import (
	"slices"
	"sync"
	"time"
)

// Stats count what became of the best chain since the start.
type Stats struct {
	Connected uint64 // blocks that joined it, also again after a reorg
	Reverted  uint64 // blocks that left it
	Reorgs    uint64
	// Depths holds how many reorgs reverted how many blocks: Depths[i] are those of at most
	// DepthBuckets()[i] that fit into no bucket before, and the last one is for all deeper ones.
	Depths    []uint64
	LastReorg time.Time // zero: none since the start
	LastDepth int       // blocks that the last reorg reverted
}

// DepthBuckets returns the upper bounds of Stats.Depths, in blocks.
func DepthBuckets() []int { return []int{1, 2, 3, 6, 12, 24, 144} }

// Stats returns the counters. It never waits for a change of the chain.
func (c *Chain) Stats() Stats {
	c.counters.mu.Lock()
	defer c.counters.mu.Unlock()
	out := c.counters.Stats
	out.Depths = slices.Clone(out.Depths)
	if out.Depths == nil {
		out.Depths = make([]uint64, len(DepthBuckets())+1)
	}
	return out
}

// Counters are the stats in the making.
type counters struct {
	mu sync.Mutex // guards the stats
	Stats
}

// moved counts a move of the tip; reorg is nil where the chain only grew.
func (n *counters) moved(connected int, reorg *ReorgRecord) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Connected += uint64(connected)
	if reorg == nil {
		return
	}
	n.Reorgs++
	n.Reverted += uint64(reorg.Reverted)
	n.LastReorg, n.LastDepth = time.UnixMilli(int64(reorg.TimeMS)), reorg.Reverted
	if n.Depths == nil {
		n.Depths = make([]uint64, len(DepthBuckets())+1)
	}
	at, _ := slices.BinarySearch(DepthBuckets(), reorg.Reverted)
	n.Depths[at]++
}
