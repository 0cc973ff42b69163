package exchange_test

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestBlocksOfAllSizes holds that small blocks, which are gathered for one write, never come after a
// large one that was asked for later: a peer would take that for a broken protocol.
func TestBlocksOfAllSizes(t *testing.T) {
	n := coretest.Network(t)
	tip := coretest.Genesis(n)
	var blocks []*core.Block
	for _, messages := range []int{1, 60, 1, 90, 1, 1, 400, 80, 1, 900, 1} {
		b := coretest.Next(t, n, tip, coretest.Messages(t, n, tip.Hash.String(), messages)...)
		blocks, tip = append(blocks, b), tip.After(b)
	}
	w := newWorld(t, n, loopback, blocks, nil)
	got, err := w.blocks(hashesOf(blocks))
	if err != nil || !equalBlocks(got, blocks) {
		t.Errorf("Blocks = %d blocks, %v, want all %d in order", len(got), err, len(blocks))
	}
}
