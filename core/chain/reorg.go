package chain

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// commit stores checked blocks, the last of which is end, and makes end the tip where it is better.
// Tree and tip change only after the store has the change.
func (c *Chain) commit(fresh []Stored, end *node) error {
	old := c.tip.Load()
	change := Change{Store: fresh}
	path := c.tree.branch(end)
	var reverted []*node
	wins := consensus.Better(end.header.Work, end.hash, old.Header.Work, old.Hash)
	if wins {
		var err error
		if reverted, err = c.planReorg(&change, old, path); err != nil {
			return err
		}
	}
	if err := c.store.Commit(change); err != nil {
		return fmt.Errorf("storing blocks up to %d (%v): %w", end.header.Height, end.hash, err)
	}
	back := c.markStored(fresh)
	if wins {
		c.moveTip(end, path, reverted, change.Reorg)
	}
	tip := c.tip.Load()
	c.tree.skipStored()
	if back {
		c.tree.chooseBest(tip)
	}
	c.tree.lapse(tip)
	if wins {
		c.followers.poke()
	}
	if c.connected >= pruneEvery || len(reverted) > 0 {
		// The blocks are connected whatever becomes of old ones: the next look tries again.
		if err := c.prune(); err != nil {
			c.cfg.Log.Error("pruning side branches", "err", err)
		}
	}
	return nil
}

// markStored notes what the store has now, and reports whether a branch that was set aside counts
// again: somebody gives its blocks away after all.
func (c *Chain) markStored(fresh []Stored) (back bool) {
	for _, s := range fresh {
		n := c.tree.nodes[s.Hash]
		n.stored = true
		if n.aside {
			c.tree.bringBack(n.hash)
			back = true
		}
	}
	return back
}

// planReorg fills in what leaves and what joins the best chain when path becomes its end, and
// returns the leaving blocks as nodes, ascending.
func (c *Chain) planReorg(change *Change, old *Tip, path []*node) ([]*node, error) {
	for _, n := range path {
		change.Apply = append(change.Apply, n.hash)
	}
	fork := path[0].header.PreviousHash
	if fork == old.Hash {
		return nil, nil
	}
	reverted, err := c.nodesAbove(fork, old)
	if err != nil {
		return nil, fmt.Errorf("reading the branch to leave: %w", err)
	}
	for i := range reverted {
		change.Revert = append(change.Revert, reverted[len(reverted)-1-i].hash)
	}
	change.Reorg = &ReorgRecord{
		TimeMS: c.nowMS(), OldTip: old.Hash, NewTip: path[len(path)-1].hash,
		Fork: fork, Reverted: len(reverted), Applied: len(path),
	}
	return reverted, nil
}

// nodesAbove returns the connected blocks above fork as nodes, ascending.
func (c *Chain) nodesAbove(fork core.Hash, old *Tip) ([]*node, error) {
	base, err := c.connectedTip(fork)
	if err != nil {
		return nil, err
	}
	history := base.History
	nodes := make([]*node, 0, old.Header.Height-base.Header.Height)
	for height := base.Header.Height + 1; height <= old.Header.Height; height++ {
		hash, err := c.store.HashAt(height)
		if err != nil {
			return nil, err
		}
		entry, err := c.store.Entry(hash)
		if err != nil {
			return nil, err
		}
		history = history.Append(hash)
		nodes = append(nodes, &node{hash: hash, header: entry.Header, history: history, seenMS: entry.SeenMS, stored: true})
	}
	return nodes, nil
}

// moveTip follows the store: path is connected now, and reverted is a side branch.
func (c *Chain) moveTip(end *node, path, reverted []*node, reorg *ReorgRecord) {
	for _, n := range path {
		delete(c.tree.nodes, n.hash)
	}
	for _, n := range reverted {
		c.tree.nodes[n.hash] = n
	}
	tip := end.tip()
	c.tip.Store(&tip)
	c.connected += len(path)
	c.counters.moved(len(path), reorg)
	if c.tree.best == end {
		c.tree.best, c.tree.ahead = nil, nil
	} else if c.tree.best == nil { // the branch was set aside
		c.tree.chooseBest(&tip)
	}
	if reorg != nil {
		c.cfg.Log.Info("reorg", "height", tip.Header.Height, "hash", tip.Hash, "reverted", reorg.Reverted, "applied", reorg.Applied)
	}
}

// prune forgets side branches that are far behind. Their blocks go from the disk too, unless the
// branch is deeper than six blocks.
func (c *Chain) prune() error {
	c.connected = 0
	if len(c.tree.nodes) == len(c.tree.ahead) {
		return nil // no side branches: the usual case, and the tree is large while we catch up
	}
	drop, keep := c.tree.stale(c.sideThreshold(), c.cfg.MaxSide)
	var change Change
	for _, n := range drop {
		if n.stored && !keep[n.hash] {
			change.Forget = append(change.Forget, n.hash)
		}
	}
	if len(change.Forget) > 0 {
		if err := c.store.Commit(change); err != nil {
			return fmt.Errorf("forgetting %d side blocks: %w", len(change.Forget), err)
		}
	}
	for _, n := range drop {
		delete(c.tree.nodes, n.hash)
	}
	return nil
}

// loadSides rebuilds the tree from the stored side blocks.
func (c *Chain) loadSides() error {
	sides := newTree()
	err := c.store.Sides(func(e Entry) error {
		sides.nodes[e.Hash] = &node{hash: e.Hash, header: e.Header, seenMS: e.SeenMS, stored: true}
		return nil
	})
	if err != nil {
		return err
	}
	for _, n := range sides.byHeight() {
		parent, err := c.judged(n.header.PreviousHash, n.hash)
		if errors.Is(err, consensus.ErrParentUnknown) {
			continue // what it built on was forgotten; check reports it
		}
		if err != nil {
			return err
		}
		n.history = parent.History.Append(n.hash)
		c.tree.nodes[n.hash] = n
	}
	return c.prune()
}
