package chain_test

import (
	"slices"
	"testing"

	"p2pchain/core/coretest"
)

// TestStats counts what joins and leaves the best chain.
func TestStats(t *testing.T) {
	c, _, f := setup(t)
	if got := c.Stats(); got.Connected != 0 || len(got.Depths) != 8 {
		t.Fatalf("of a new chain: %+v", got)
	}
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 4)...)...)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("b", 1, 5)...)...) // 4 leave, 5 come
	mustAdd(t, c, f.Chain("b4", coretest.Names("c", 5, 6)...)...)      // 1 leaves, 2 come
	got := c.Stats()
	if got.Connected != 4+5+2 || got.Reverted != 4+1 || got.Reorgs != 2 || got.LastDepth != 1 || got.LastReorg.IsZero() {
		t.Errorf("Stats = %+v", got)
	}
	if want := []uint64{1, 0, 0, 1, 0, 0, 0, 0}; !slices.Equal(got.Depths, want) {
		t.Errorf("Depths = %v, want %v", got.Depths, want)
	}
}
