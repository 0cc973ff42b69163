package chain

import (
	"cmp"
	"fmt"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// What the chain refuses besides broken rules; consensus.ClassOf knows their classes.
var (
	// ErrLowWork means that a branch has so little work that it is not worth remembering
	// (undecided: it may still grow). Prove its work with a Probe first.
	ErrLowWork = consensus.NewRefusal("branch with too little work", consensus.Undecided)
	// ErrTooFarAhead means that a branch's headers are MaxAhead ahead of its blocks (undecided).
	ErrTooFarAhead = consensus.NewRefusal("branch too far ahead of its blocks", consensus.Undecided)
	// ErrCondemned means that the block, or an ancestor of it, broke a rule before (broken).
	ErrCondemned = consensus.NewRefusal("block condemned before", consensus.Broken)
)

// AddHeaders adds headers, each the child of the one before it; the first one's parent must be
// known. It returns how many of them are known now. Fewer than all without an error means that the
// branch is MaxAhead ahead of its blocks: call again when blocks were added.
//
// The work of the last header, or proven where that is more, must reach to within 144 tip blocks of
// the tip's work, else nothing is added and the error is ErrLowWork. Proven is what a Probe showed
// that the branch will have. Where that is more than the tip has, the branch counts as the best
// header chain although its known headers have less work: so a fork of any depth heals within
// MaxAhead. The promise lapses when all of these headers' blocks are stored: pass it again with the
// headers that follow. Broken rules come as *consensus.RuleError; consensus.ErrParentUnknown
// and consensus.ErrTimeInFuture are undecided.
func (c *Chain) AddHeaders(headers []core.Header, proven core.Work) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	before := c.tree.best
	c.endAside()
	n, err := c.addHeaders(headers, proven)
	if len(c.tree.nodes) > c.cfg.MaxSide+c.cfg.MaxAhead {
		if pruneErr := c.prune(); err == nil {
			err = pruneErr
		}
	}
	if c.tree.best != before {
		c.followers.poke()
	}
	return n, err
}

func (c *Chain) addHeaders(headers []core.Header, proven core.Work) (int, error) {
	start, hash, err := c.skipKnown(headers)
	if start > 0 {
		c.tree.redeem(headers[start-1].Hash(), proven, c.tip.Load())
	}
	if err != nil || start == len(headers) {
		return start, err
	}
	parent, err := c.judged(headers[start].PreviousHash, hash)
	if err != nil {
		return start, err
	}
	room := min(len(headers)-start, c.cfg.MaxAhead-c.tree.unstored(parent.Hash))
	fresh, refused := c.checkHeaders(parent, headers[start:start+max(0, room)])
	if len(fresh) == 0 {
		return start, refused
	}
	// Only checked work counts: what a header merely claims must not make us remember the others.
	if c.tooLittle(fresh[len(fresh)-1].header.Work, proven) {
		return start, cmp.Or[error](refused, fmt.Errorf("headers from height %d: %w", headers[start].Height, ErrLowWork))
	}
	for _, n := range fresh {
		n.promise = proven
		c.tree.add(n, c.tip.Load())
	}
	return start + len(fresh), refused
}

// checkHeaders judges headers on a parent and returns those before the first one that is refused.
func (c *Chain) checkHeaders(parent Tip, headers []core.Header) ([]*node, error) {
	fresh := make([]*node, 0, len(headers))
	for i := range headers {
		next, err := c.checkHeader(&parent, &headers[i])
		if err != nil {
			return fresh, err
		}
		if c.state(next.Hash) == Condemned {
			return fresh, refusal(next.Hash, ErrCondemned)
		}
		fresh = append(fresh, &node{hash: next.Hash, header: next.Header, history: next.History, seenMS: c.nowMS()})
		parent = next
	}
	return fresh, nil
}

// skipKnown returns the index of the first header that is not known, and its hash.
func (c *Chain) skipKnown(headers []core.Header) (int, core.Hash, error) {
	for i := range headers {
		hash := headers[i].Hash()
		switch c.state(hash) {
		case Unknown:
			return i, hash, nil
		case Condemned:
			return i, hash, refusal(hash, ErrCondemned)
		}
	}
	return len(headers), core.Hash{}, nil
}

// judged returns a known block to build on; child is what the caller wants to put on top of it.
func (c *Chain) judged(hash, child core.Hash) (Tip, error) {
	if tip := c.tip.Load(); tip.Hash == hash {
		return *tip, nil
	}
	if n := c.tree.nodes[hash]; n != nil {
		return n.tip(), nil
	}
	switch c.state(hash) {
	case Connected:
		tip, err := c.connectedTip(hash)
		if err != nil {
			return Tip{}, err
		}
		return *tip, nil
	case SideBlock:
		return c.revive(hash)
	case Condemned:
		return Tip{}, refusal(child, ErrCondemned)
	}
	return Tip{}, refusal(child, consensus.ErrParentUnknown)
}

// revive puts a side block that is only on disk back into the tree, with its ancestors: an abandoned
// branch that was forgotten in memory grows again.
func (c *Chain) revive(hash core.Hash) (Tip, error) {
	entry, err := c.store.Entry(hash)
	if err != nil {
		return Tip{}, fmt.Errorf("reading side block %v: %w", hash, err)
	}
	parent, err := c.judged(entry.Header.PreviousHash, hash)
	if err != nil {
		return Tip{}, err
	}
	n := &node{hash: hash, header: entry.Header, history: parent.History.Append(hash), seenMS: entry.SeenMS, stored: true}
	c.tree.add(n, c.tip.Load())
	return n.tip(), nil
}

// tooLittle reports whether neither amount of work comes within 144 blocks of the tip's.
func (c *Chain) tooLittle(reached, proven core.Work) bool {
	if reached.Cmp(proven) < 0 {
		reached = proven
	}
	return reached.Cmp(c.sideThreshold()) < 0
}

// sideThreshold is the least work with which a branch is remembered.
func (c *Chain) sideThreshold() core.Work {
	tip := &c.tip.Load().Header
	target, err := tip.Bits.Target()
	if err != nil { // the tip was checked when it was connected
		return tip.Work
	}
	work, err := target.Work()
	if err != nil {
		return tip.Work
	}
	return tip.Work.Sub(work.Mul(sideBlocks))
}

// checkHeader judges a header on its parent and returns it as the new end of the branch.
func (c *Chain) checkHeader(parent *Tip, h *core.Header) (Tip, error) {
	hash := h.Hash()
	if err := consensus.CheckHeader(c.network, &parent.Header, parent.Hash, parent.History, h); err != nil {
		return Tip{}, refusal(hash, err)
	}
	if err := consensus.CheckClock(h, c.nowMS()); err != nil {
		return Tip{}, refusal(hash, err)
	}
	return Tip{Hash: hash, Header: *h, History: parent.History.Append(hash)}, nil
}

// SetAside takes a branch of headers out of the choice of the best one, from a missing block on:
// nobody gives that block away, and the next best branch should be fetched instead. The branch counts
// again when one of its blocks is stored, and after ten minutes.
func (c *Chain) SetAside(block core.Hash) {
	c.writing.Lock()
	defer c.writing.Unlock()
	n := c.tree.nodes[block]
	if n == nil || n.stored || n.aside {
		return
	}
	c.cfg.Log.Warn("nobody has a block of the best header chain", "height", n.header.Height, "hash", block)
	c.tree.setAside(block, c.tip.Load())
	c.asideSince = c.cfg.Now()
	c.followers.poke()
}

func (c *Chain) endAside() {
	if c.asideSince.IsZero() || c.cfg.Now().Sub(c.asideSince) < asideTime {
		return
	}
	c.asideSince = time.Time{}
	c.tree.bringAllBack(c.tip.Load())
}

// A Probe walks a branch of headers and keeps nothing of it but its end: the first of the two passes
// by which a branch of little work so far can prove that it has more than ours, at no cost in
// memory. It is not safe for concurrent use.
type Probe struct {
	chain *Chain
	end   Tip
}

// Probe starts a walk on a known block; consensus.ErrParentUnknown where it is not known.
func (c *Chain) Probe(parent core.Hash) (*Probe, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	end, err := c.judged(parent, parent)
	if err != nil {
		return nil, err
	}
	return &Probe{chain: c, end: end}, nil
}

// Add walks on over headers, each the child of the one before it. After an error the probe stands
// at the last header that was valid.
func (p *Probe) Add(headers []core.Header) error {
	for i := range headers {
		next, err := p.chain.checkHeader(&p.end, &headers[i])
		if err != nil {
			return err
		}
		p.end = next
	}
	return nil
}

// End returns the last header so far; its Header.Work is what AddHeaders takes as proven.
func (p *Probe) End() Tip { return p.end }

// Enough reports whether the branch has enough work for AddHeaders to remember it.
func (p *Probe) Enough() bool { return !p.chain.tooLittle(p.end.Header.Work, core.Work{}) }
