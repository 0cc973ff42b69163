package chain_test

import (
	"flag"
	"math/rand/v2"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
)

var modelSteps = flag.Int("model-steps", 100_000, "random steps of the fork choice model")

// A model is fork choice by brute force: the best of all blocks whose whole branch was accepted.
type model struct {
	n        *core.Network
	rng      *rand.Rand
	blocks   []*core.Block
	tips     []coretest.Tip
	parent   []int // index of the parent; -1 is genesis
	valid    []bool
	accepted []bool
	spare    []*core.Message
}

// TestForkChoiceEqualsModel grows random trees with all kinds of target, some blocks of which repeat
// a message of an ancestor, hands headers and blocks to a chain in random order and pieces, sets
// branches aside, and
// compares the tip with the model's after each step. Chains are reopened from their store at times.
func TestForkChoiceEqualsModel(t *testing.T) {
	rng := random.Source(t)
	n := coretest.Network(t)
	spare := coretest.Messages(t, n, "spare", 200)
	var steps, reorgs, refused, reopened int
	for steps < *modelSteps {
		m := grow(t, n, rng, spare, 60+rng.IntN(120))
		store := coretest.NewMemStore(n)
		c := open(t, n, store)
		for range 10 * len(m.blocks) {
			refused += m.step(t, c)
			if steps++; rng.IntN(500) == 0 {
				c = open(t, n, store)
				reopened++
			}
			if got, want := c.Tip().Hash, m.best(); got != want {
				t.Fatalf("step %d: tip %v at %d, want %v", steps, got, c.Tip().Header.Height, want)
			}
		}
		reorgs += len(store.Reorgs())
		checkChain(t, c, m)
	}
	t.Logf("%d steps, %d reorgs, %d refused blocks, reopened %d times", steps, reorgs, refused, reopened)
	if reorgs < steps/1000 || refused < steps/1000 || reopened == 0 {
		t.Errorf("the load did not happen: %d reorgs, %d refused, reopened %d times in %d steps", reorgs, refused, reopened, steps)
	}
}

// grow makes a random tree, most of which grows near its ends.
func grow(t *testing.T, n *core.Network, rng *rand.Rand, spare []*core.Message, size int) *model {
	m := &model{n: n, rng: rng, spare: spare, accepted: make([]bool, size)}
	genesis := coretest.Genesis(n)
	for i := range size {
		p, on := -1, genesis
		if i > 0 && rng.IntN(20) > 0 {
			p = i - 1 - rng.IntN(min(i, 8))
			on = m.tips[p]
		}
		var msgs []*core.Message
		if rng.IntN(3) == 0 {
			msgs = append(msgs, spare[rng.IntN(len(spare))])
		}
		b := coretest.NextWith(t, n, on, func(h *core.Header) {
			h.BusyMS = 1 + rng.Uint32N(800) // other targets, other work
			h.TimeMS = on.Header.TimeMS + 800
			h.Nonce = uint64(i) << 30
		}, msgs...)
		m.blocks = append(m.blocks, b)
		m.tips = append(m.tips, on.After(b))
		m.parent = append(m.parent, p)
		m.valid = append(m.valid, (p < 0 || m.valid[p]) && !m.onBranch(p, msgs))
	}
	return m
}

// onBranch reports whether a message stands in block i or below it.
func (m *model) onBranch(i int, msgs []*core.Message) bool {
	for ; i >= 0 && len(msgs) > 0; i = m.parent[i] {
		for _, x := range m.blocks[i].Messages {
			if x.ID == msgs[0].ID {
				return true
			}
		}
	}
	return false
}

// step hands a random piece of a branch to the chain, as headers or as blocks, and returns 1 where
// a block was refused.
func (m *model) step(t *testing.T, c *chain.Chain) int {
	end := m.rng.IntN(len(m.blocks))
	var path []int
	for i := end; i >= 0 && len(path) < 1+m.rng.IntN(12); i = m.parent[i] {
		path = append([]int{i}, path...)
	}
	piece := make([]*core.Block, len(path))
	for k, i := range path {
		piece[k] = m.blocks[i]
	}
	switch m.rng.IntN(12) {
	case 0: // whatever is set aside, blocks that come count
		c.SetAside(piece[0].Header.Hash())
		return 0
	case 1: // a promise that may be a lie: it must not move the tip
		_, _ = c.AddHeaders(coretest.Headers(piece), core.NewWork(0, m.rng.Uint64N(5000)))
		return 0
	case 2, 3, 4:
		_, _ = c.AddHeaders(coretest.Headers(piece), core.Work{}) // orphans are refused, as they should
		return 0
	}
	took, err := c.AddBlocks(piece)
	want := 0
	for _, i := range path {
		if !m.valid[i] || m.parent[i] >= 0 && !m.accepted[m.parent[i]] {
			break
		}
		m.accepted[i] = true
		want++
	}
	if took != want || (err == nil) != (want == len(path)) {
		t.Fatalf("AddBlocks of %d = %d, %v; want %d", len(path), took, err, want)
	}
	if err != nil && consensus.ClassOf(err) == consensus.Fault {
		t.Fatalf("our fault: %v", err)
	}
	if err != nil {
		return 1
	}
	return 0
}

func (m *model) best() core.Hash {
	hash, work := m.n.Genesis, m.n.Header.Work
	for i, ok := range m.accepted {
		tip := m.tips[i]
		if !ok {
			continue
		}
		if d := tip.Header.Work.Cmp(work); d > 0 || d == 0 && tip.Hash.Compare(hash) < 0 {
			hash, work = tip.Hash, tip.Header.Work
		}
	}
	return hash
}

// checkChain walks the best chain and looks up every message of the tree.
func checkChain(t *testing.T, c *chain.Chain, m *model) {
	t.Helper()
	tip := c.Tip()
	var history core.Frontier
	on := make(map[core.Hash]bool)
	for height := range tip.Header.Height + 1 {
		hash, err := c.HashAt(height)
		if err != nil {
			t.Fatal(err)
		}
		history = history.Append(hash)
		on[hash] = true
	}
	if history.Root() != tip.History.Root() {
		t.Error("history of the tip is not that of its chain")
	}
	sealed := make(map[core.Hash]bool)
	for i := range m.blocks {
		for _, x := range m.blocks[i].Messages {
			sealed[x.ID] = sealed[x.ID] || on[m.tips[i].Hash]
		}
	}
	for id, want := range sealed {
		if p, err := c.Locate(id); (err == nil) != want || want && !on[p.Block] {
			t.Errorf("message %v: %+v, %v; sealed %v", id, p, err, want)
		}
	}
}
