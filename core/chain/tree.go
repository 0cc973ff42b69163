package chain

import (
	"cmp"
	"slices"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A node is a valid header that is not on the best chain: of a side branch, or ahead of the tip.
type node struct {
	hash    core.Hash
	header  core.Header
	history core.Frontier // over blocks 0 … height, both included
	seenMS  uint64
	stored  bool // its block is validated and in the store, and so are its ancestors' blocks
	aside   bool // nobody gives away its block, or that of an ancestor

	// promise is the work that a probe saw its branch reach; zero where that is no more than its own.
	promise core.Work
}

// reach is the work that its branch is proven to have.
func (n *node) reach() core.Work {
	if n.promise.Cmp(n.header.Work) > 0 {
		return n.promise
	}
	return n.header.Work
}

// A rank orders the ends of branches: by the work that they are proven to reach; then, on the way to
// there, the one that is further; then as tips are ordered.
type rank struct {
	reach, work core.Work
	hash        core.Hash
}

func (n *node) rank() rank { return rank{n.reach(), n.header.Work, n.hash} }
func rankOf(tip *Tip) rank { return rank{tip.Header.Work, tip.Header.Work, tip.Hash} }
func (r rank) over(o rank) bool {
	if d := r.reach.Cmp(o.reach); d != 0 {
		return d > 0
	}
	return consensus.Better(r.work, r.hash, o.work, o.hash)
}

func (n *node) tip() Tip { return Tip{Hash: n.hash, Header: n.header, History: n.history} }

// A tree holds the headers off the best chain. A node whose parent is not in the tree is a child of
// a connected block. Chain.writing guards it.
type tree struct {
	nodes map[core.Hash]*node
	best  *node   // the best header; nil where that is the tip
	ahead []*node // the nodes without a block up to best, ascending
}

func newTree() tree { return tree{nodes: make(map[core.Hash]*node)} }

// add puts a valid header in and keeps best up to date.
func (t *tree) add(n *node, tip *Tip) {
	t.nodes[n.hash] = n
	if up := t.parent(n); up != nil && up.aside {
		n.aside = true
	}
	best := rankOf(tip)
	if t.best != nil {
		best = t.best.rank()
	}
	if n.aside || !n.rank().over(best) {
		return
	}
	t.best = n
	if n.header.PreviousHash == best.hash && !n.stored {
		t.ahead = append(t.ahead, n)
		return
	}
	t.findAhead()
}

// chooseBest looks for the best header among all.
func (t *tree) chooseBest(tip *Tip) {
	t.best = nil
	best := rankOf(tip)
	for _, n := range t.nodes {
		if r := n.rank(); !n.aside && r.over(best) {
			t.best, best = n, r
		}
	}
	t.findAhead()
}

// lapse ends the promise of the best branch once all that is known of it is stored: only more
// headers can redeem it, and they come with a new one.
func (t *tree) lapse(tip *Tip) {
	if t.best == nil || len(t.ahead) > 0 || t.best.reach() == t.best.header.Work {
		return
	}
	for n := t.best; n != nil; n = t.parent(n) {
		n.promise = core.Work{}
	}
	t.chooseBest(tip)
}

// setAside takes a branch out of the choice of the best header, from a block on.
func (t *tree) setAside(hash core.Hash, tip *Tip) {
	for _, n := range t.descendants(hash) {
		n.aside = true
	}
	t.chooseBest(tip)
}

// bringBack lets a branch count again, from a block on.
func (t *tree) bringBack(hash core.Hash) {
	for _, n := range t.descendants(hash) {
		n.aside = false
	}
}

// bringAllBack lets every branch count again.
func (t *tree) bringAllBack(tip *Tip) {
	for _, n := range t.nodes {
		n.aside = false
	}
	t.chooseBest(tip)
}

// redeem notes that a known branch is proven to reach more work.
func (t *tree) redeem(hash core.Hash, proven core.Work, tip *Tip) {
	if n := t.nodes[hash]; n != nil && proven.Cmp(n.reach()) > 0 {
		n.promise = proven
		t.add(n, tip)
	}
}

// findAhead lists what is missing up to best.
func (t *tree) findAhead() {
	t.ahead = nil
	for n := t.best; n != nil && !n.stored; n = t.parent(n) {
		t.ahead = append(t.ahead, n)
	}
	slices.Reverse(t.ahead)
}

// skipStored drops what is no longer missing.
func (t *tree) skipStored() {
	for len(t.ahead) > 0 && t.ahead[0].stored {
		t.ahead = t.ahead[1:]
	}
}

func (t *tree) parent(n *node) *node { return t.nodes[n.header.PreviousHash] }

// branch returns the nodes from the child of a connected block up to n, ascending.
func (t *tree) branch(n *node) []*node {
	var path []*node
	for ; n != nil; n = t.parent(n) {
		path = append(path, n)
	}
	slices.Reverse(path)
	return path
}

// unstored counts the headers without a block from hash downwards.
func (t *tree) unstored(hash core.Hash) int {
	count := 0
	for n := t.nodes[hash]; n != nil && !n.stored; n = t.parent(n) {
		count++
	}
	return count
}

// descendants returns a node and all that build on it, ascending.
func (t *tree) descendants(hash core.Hash) []*node {
	family := map[core.Hash]bool{hash: true}
	var out []*node
	for _, n := range t.byHeight() {
		if n.hash == hash || family[n.header.PreviousHash] {
			family[n.hash] = true
			out = append(out, n)
		}
	}
	return out
}

// byHeight returns all nodes, lowest first; equal heights by hash, so that runs repeat exactly.
func (t *tree) byHeight() []*node {
	all := make([]*node, 0, len(t.nodes))
	for _, n := range t.nodes {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.header.Height, b.header.Height), a.hash.Compare(b.hash))
	})
	return all
}

// stale returns the nodes that may be dropped: no branch through them reaches the threshold of work
// or best, or, where there are still more than maxSide others, those of the least work. A node
// comes after its descendants. In keep are the stored ones among them whose blocks must stay on
// disk, since their branch is deeper than settledDepth: abandoned branches are kept as evidence.
func (t *tree) stale(threshold core.Work, maxSide int) (drop []*node, keep map[core.Hash]bool) {
	all := t.byHeight()
	reach := make(map[core.Hash]core.Work, len(all)) // the most work that a branch through it has
	depth := make(map[core.Hash]int, len(all))       // stored blocks from it to the branch's end
	for _, n := range slices.Backward(all) {
		up := n.header.PreviousHash
		if reach[n.hash].Cmp(n.header.Work) < 0 {
			reach[n.hash] = n.header.Work
		}
		if reach[up].Cmp(reach[n.hash]) < 0 {
			reach[up] = reach[n.hash]
		}
		if n.stored {
			depth[n.hash]++
			depth[up] = max(depth[up], depth[n.hash])
		}
	}
	onBest := make(map[core.Hash]bool)
	for n := t.best; n != nil; n = t.parent(n) {
		onBest[n.hash] = true
	}
	keep = make(map[core.Hash]bool)
	total := make(map[core.Hash]int) // stored blocks of the whole branch
	side := make([]*node, 0, len(all))
	for _, n := range all {
		total[n.hash] = cmp.Or(total[n.header.PreviousHash], depth[n.hash])
		keep[n.hash] = total[n.hash] > settledDepth
		if !onBest[n.hash] {
			side = append(side, n)
		}
	}
	slices.SortStableFunc(side, func(a, b *node) int {
		return cmp.Or(reach[a.hash].Cmp(reach[b.hash]), cmp.Compare(b.header.Height, a.header.Height))
	})
	for i, n := range side {
		if reach[n.hash].Cmp(threshold) >= 0 && len(side)-i <= maxSide {
			break
		}
		drop = append(drop, n)
	}
	return drop, keep
}
