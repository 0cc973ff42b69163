package chain

import (
	"errors"
	"fmt"
	"slices"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// AddBlocks validates blocks, each the child of the one before it, stores them, and makes the best
// stored branch the best chain. It returns how many of them are stored now; blocks that were known
// count. All that it stores in one call is one synced batch, whatever the number of blocks, and an
// error leaves in place what was valid before it.
//
// A block is stored only after its ancestors: else the error is consensus.ErrParentUnknown. The
// other errors are those of AddHeaders, and those of consensus.CheckBlock; a block that consensus
// condemns is condemned for ever, with all that builds on it. A body that is missing is
// consensus.ErrBodyMissing (undecided) until the block is settled, but for those that Config.Erased knows.
func (c *Chain) AddBlocks(blocks []*core.Block) (int, error) {
	return c.AddJudged(&Judged{blocks: blocks, hashes: hashesOf(blocks)})
}

// Judged are blocks of which some, from the start, were judged by all rules that do not depend on
// their ancestors.
type Judged struct {
	blocks []*core.Block
	hashes []core.Hash
	good   int   // of them are good
	err    error // what is wrong with the next one; nil where it was not judged
}

func hashesOf(blocks []*core.Block) []core.Hash {
	hashes := make([]core.Hash, len(blocks))
	for i, b := range blocks {
		hashes[i] = b.Header.Hash()
	}
	return hashes
}

// Judge does the part of AddBlocks that takes long and needs no order: it may be called for some
// blocks while those before them are being added. Blocks whose headers are not known yet, which may
// have no work, are left to AddJudged. In a group is what one peer sent: its signatures are checked
// together, and a bad one makes the whole group cost three times as much.
func (c *Chain) Judge(groups ...[]*core.Block) *Judged {
	var j Judged
	for _, group := range groups {
		j.blocks = append(j.blocks, group...)
	}
	j.hashes = hashesOf(j.blocks)
	for _, group := range groups {
		ready := 0
		for ready < len(group) && c.State(j.hashes[j.good+ready]) == HeaderOnly {
			ready++
		}
		n, err := consensus.CheckBlocks(c.network, c.cfg.Verified, group[:ready])
		j.good += n
		if j.err = err; err != nil || n < len(group) {
			break
		}
	}
	return &j
}

// AddJudged is AddBlocks for blocks of which some were judged before.
func (c *Chain) AddJudged(j *Judged) (int, error) {
	headers := make([]core.Header, len(j.blocks))
	for i, b := range j.blocks {
		headers[i] = b.Header
	}
	known, headerErr := c.AddHeaders(headers, core.Work{})
	fresh, err := c.checkNew(j, known)
	n, connectErr := c.connect(j.blocks[:fresh])
	switch {
	case connectErr != nil:
		return n, connectErr
	case err != nil:
		return n, err
	case headerErr != nil:
		return n, headerErr
	case n == known && known < len(headers):
		return n, fmt.Errorf("block %d: %w", known, ErrTooFarAhead)
	}
	return n, nil
}

// checkNew judges those of the first known blocks that are not stored yet without holding a lock, since
// signatures take long. It returns how many from the start are good.
func (c *Chain) checkNew(j *Judged, known int) (int, error) {
	for i, b := range j.blocks[:known] {
		hash := j.hashes[i]
		if state := c.State(hash); state == Connected || state == SideBlock {
			continue
		}
		if err := c.checkBodies(b); err != nil && !c.Settled(hash) {
			return i, refusal(hash, err)
		}
		err := j.err
		switch {
		case i < j.good:
			continue
		case i > j.good || err == nil:
			_, err = consensus.CheckBlocks(c.network, c.cfg.Verified, j.blocks[i:i+1])
		}
		if err != nil {
			return i, c.refuse(hash, err)
		}
	}
	return known, nil
}

// checkBodies is consensus.CheckBodies but for bodies that this node would take from nobody.
func (c *Chain) checkBodies(b *core.Block) error {
	err := consensus.CheckBodies(b)
	if err == nil || c.cfg.Erased == nil {
		return err
	}
	for _, m := range b.Messages {
		if m.Body == nil && !c.cfg.Erased(m) {
			return err
		}
	}
	return nil
}

// refuse condemns a block where that is what the broken rule asks for.
func (c *Chain) refuse(hash core.Hash, rule error) error {
	if !consensus.Condemns(rule) {
		return refusal(hash, rule)
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.condemn(hash, rule)
}

// condemn removes a block and all that builds on it, and stores why. It returns the refusal.
func (c *Chain) condemn(hash core.Hash, rule error) error {
	var entries []Entry
	for _, n := range c.tree.descendants(hash) {
		delete(c.tree.nodes, n.hash)
		entries = append(entries, Entry{Hash: n.hash, Header: n.header, SeenMS: n.seenMS, Condemned: rule.Error()})
	}
	c.tree.chooseBest(c.tip.Load())
	c.followers.poke()
	c.cfg.Log.Warn("block condemned", "hash", hash, "descendants", max(0, len(entries)-1), "err", rule)
	if err := c.store.Commit(Change{Condemn: entries}); err != nil {
		return fmt.Errorf("storing that block %v is condemned (%w): %w", hash, rule, err)
	}
	return refusal(hash, rule)
}

// connect stores checked blocks and moves the tip where a better branch is now complete.
func (c *Chain) connect(blocks []*core.Block) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	var fresh []Stored
	var end *node
	inBatch := make(map[core.Hash]bool)
	done, refused := 0, error(nil)
	for _, b := range blocks {
		n := c.tree.nodes[b.Header.Hash()]
		if n == nil || n.stored { // connected or stored by somebody else in the meantime
			done++
			continue
		}
		if refused = c.checkOnBranch(n, b, end, inBatch); refused != nil {
			break
		}
		fresh = append(fresh, Stored{Hash: n.hash, SeenMS: n.seenMS, Block: b})
		end = n
		done++
	}
	if len(fresh) > 0 {
		if err := c.commit(fresh, end); err != nil {
			return done - len(fresh), err
		}
	}
	if rule := new(consensus.RuleError); errors.As(refused, &rule) && consensus.Condemns(rule.Rule) {
		refused = c.condemn(rule.Block, rule.Rule)
	}
	return done, refused
}

// checkOnBranch judges what depends on the block's ancestors: they must be stored (or be the block
// before it in this batch, whose ids are in inBatch), and no id may come twice. It adds the block's
// ids to inBatch.
func (c *Chain) checkOnBranch(n *node, b *core.Block, before *node, inBatch map[core.Hash]bool) error {
	parent := c.tree.parent(n)
	if parent != nil && !parent.stored && parent != before {
		return refusal(n.hash, consensus.ErrParentUnknown)
	}
	ids := make([]core.Hash, len(b.Messages))
	for i, m := range b.Messages {
		ids[i] = m.ID
	}
	places, err := c.store.Places(ids...)
	if err != nil {
		return fmt.Errorf("looking up the messages of block %v: %w", n.hash, err)
	}
	for i, id := range ids {
		if inBatch[id] || slices.ContainsFunc(places[i], func(p Place) bool { return c.isAncestor(p, n) }) {
			return refusal(n.hash, fmt.Errorf("message %v: %w", id, consensus.ErrDuplicate))
		}
	}
	for _, id := range ids {
		inBatch[id] = true
	}
	return nil
}

// isAncestor reports whether a place is on the branch below n.
func (c *Chain) isAncestor(p Place, n *node) bool {
	for up := c.tree.parent(n); up != nil; up = c.tree.parent(up) {
		if up.header.Height <= p.Height {
			return up.hash == p.Block
		}
		n = up
	}
	return p.Height < n.header.Height && c.isConnected(p.Block, p.Height)
}

// Settled reports whether a block may be connected without some of its bodies: it has six blocks on
// top in the best header chain, or its header was first seen an hour ago.
func (c *Chain) Settled(hash core.Hash) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	best := c.tip.Load().Header.Height
	if c.tree.best != nil {
		best = c.tree.best.header.Height
	}
	n := c.tree.nodes[hash]
	if n == nil {
		entry, err := c.store.Entry(hash)
		return err == nil && entry.Condemned == "" && c.isConnected(hash, entry.Header.Height) &&
			(entry.Header.Height+settledDepth <= best || c.oldEnough(entry.SeenMS))
	}
	return c.oldEnough(n.seenMS) || n.header.Height+settledDepth <= best && c.onBestHeaders(n)
}

func (c *Chain) oldEnough(seenMS uint64) bool {
	return seenMS+uint64(settledAge.Milliseconds()) <= c.nowMS()
}

func (c *Chain) onBestHeaders(n *node) bool {
	for up := c.tree.best; up != nil && up.header.Height >= n.header.Height; up = c.tree.parent(up) {
		if up == n {
			return true
		}
	}
	return false
}

// Missing returns up to limit blocks that are to be fetched next, ascending: those of the best
// header branch that are not stored. Its first one's parent is stored.
func (c *Chain) Missing(limit int) []core.Hash {
	c.writing.Lock()
	defer c.writing.Unlock()
	ahead := c.tree.ahead[:min(limit, len(c.tree.ahead))]
	out := make([]core.Hash, len(ahead))
	for i, n := range ahead {
		out[i] = n.hash
	}
	return out
}
