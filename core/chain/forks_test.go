package chain_test

import (
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// TestForks has three branches off the best chain, two of which share their trunk, one of them not
// stored.
func TestForks(t *testing.T) {
	n := coretest.Network(t)
	f := coretest.NewForks(t, n)
	c := open(t, n, coretest.NewMemStore(n))
	add := func(blocks []*core.Block) {
		if _, err := c.AddBlocks(blocks); err != nil {
			t.Fatal(err)
		}
	}
	add(f.Chain("genesis", coretest.Names("a", 1, 9)...))
	add(f.Chain("a2", coretest.Names("b", 3, 6)...))
	add(f.Chain("b4", "c5"))
	if _, err := c.AddHeaders(coretest.Headers(f.Chain("a8", "d9")), core.Work{}); err != nil {
		t.Fatal(err)
	}
	type end struct {
		tip, fork string
		length    int
		stored    bool
	}
	var got []end
	name := func(h core.Hash) string {
		for _, s := range []string{"a2", "a8", "b6", "c5", "d9"} {
			if f.Hash(s) == h {
				return s
			}
		}
		return h.String()
	}
	for _, fork := range c.Forks() {
		got = append(got, end{name(fork.Tip), name(fork.Fork), fork.Length, fork.Stored})
	}
	best := "a9"
	if c.Tip().Hash != f.Hash("a9") {
		t.Fatal("another tip")
	}
	if want := []end{{"d9", "a8", 1, false}, {"b6", "a2", 4, true}, {"c5", "a2", 3, true}}; !slices.Equal(got, want) {
		t.Errorf("forks %v, want %v", got, want)
	}
	var blocks, want []core.Hash
	for block, branch := range map[string]string{
		"a9": best, "a1": best, "genesis": best, "b3": "b6", "b4": "b6", "b5": "b6", "b6": "b6", "c5": "c5", "d9": "d9",
	} {
		blocks, want = append(blocks, f.Hash(block)), append(want, f.Hash(branch))
	}
	blocks, want = append(blocks, core.Hash{1}), append(want, core.Hash{})
	if got := c.BranchesOf(blocks...); !slices.Equal(got, want) {
		t.Errorf("BranchesOf = %v, want %v", got, want)
	}
}
