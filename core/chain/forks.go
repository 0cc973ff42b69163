package chain

import (
	"cmp"
	"slices"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A Fork is the end of a branch that is not the best chain.
type Fork struct {
	Tip    core.Hash
	Header core.Header
	Fork   core.Hash // the last block that the best chain shares with it
	Length int       // blocks above Fork
	Stored bool      // whether its blocks are here and valid, not only its headers
}

// A twig is what Forks looks at of a node, so that nobody waits while it does.
type twig struct {
	hash   core.Hash
	header *core.Header
	stored bool
}

// twigs returns all remembered headers, lowest first.
func (c *Chain) twigs() []twig {
	c.writing.Lock()
	out := make([]twig, 0, len(c.tree.nodes))
	for _, n := range c.tree.nodes {
		out = append(out, twig{n.hash, &n.header, n.stored}) // a node's header never changes
	}
	c.writing.Unlock()
	slices.SortFunc(out, func(a, b twig) int {
		return cmp.Or(cmp.Compare(a.header.Height, b.header.Height), a.hash.Compare(b.hash))
	})
	return out
}

// Forks returns the ends of all remembered branches, most work first. Its cost grows with the number
// of remembered headers, whatever the shape of their tree.
func (c *Chain) Forks() []Fork {
	twigs := c.twigs()
	inner, below := make(map[core.Hash]bool, len(twigs)), make(map[core.Hash]Fork, len(twigs))
	for _, t := range twigs {
		parent := t.header.PreviousHash
		inner[parent] = true
		f, ok := below[parent]
		if !ok {
			f.Fork = parent
		}
		below[t.hash] = Fork{Fork: f.Fork, Length: f.Length + 1}
	}
	var out []Fork
	for _, t := range twigs {
		if !inner[t.hash] {
			f := below[t.hash]
			out = append(out, Fork{Tip: t.hash, Header: *t.header, Fork: f.Fork, Length: f.Length, Stored: t.stored})
		}
	}
	slices.SortFunc(out, func(a, b Fork) int {
		return cmp.Or(b.Header.Work.Cmp(a.Header.Work), a.Tip.Compare(b.Tip))
	})
	return out
}

// BranchesOf returns for each block the end of the branch that it is on: the tip for one of the best
// chain, the best of the ends above it for one off it, and zeros for one that is not known.
func (c *Chain) BranchesOf(blocks ...core.Hash) []core.Hash {
	twigs := c.twigs()
	ends := make(map[core.Hash]twig, len(twigs)) // the best end above a block
	for _, t := range slices.Backward(twigs) {
		end, ok := ends[t.hash]
		if !ok {
			end = t
			ends[t.hash] = t
		}
		parent := t.header.PreviousHash
		if other, ok := ends[parent]; !ok || consensus.Better(end.header.Work, end.hash, other.header.Work, other.hash) {
			ends[parent] = end
		}
	}
	off := make(map[core.Hash]bool, len(twigs))
	for _, t := range twigs {
		off[t.hash] = true
	}
	tip := c.Tip().Hash
	out := make([]core.Hash, len(blocks))
	for i, hash := range blocks {
		if off[hash] {
			out[i] = ends[hash].hash
		} else if e, err := c.store.Entry(hash); err == nil && e.Condemned == "" && c.isConnected(hash, e.Header.Height) {
			out[i] = tip
		}
	}
	return out
}
