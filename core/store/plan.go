package store

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A plan is a change that was found to fit what is stored.
type plan struct {
	chain.Change
	fresh   []chain.Stored // of Store, those that are not stored yet
	headers map[core.Hash]core.Header
	fork    tip // the last block that stays
	old     tip
	tip     tip // after the change
	joins   map[core.Hash]bool
	size    int // about the bytes of the change as one batch
}

// What a message costs in a batch besides its own bytes, about: keys, pointers and Pebble's framing.
const (
	storeCost  = 260
	revertCost = 150
	applyCost  = 90
	forgetCost = 160
	blockCost  = 600
)

// plan checks that a change fits: it is the last chance to refuse it without a trace.
func (s *Store) plan(r reader, c chain.Change) (*plan, error) {
	p := &plan{
		Change: c, fork: s.tip, old: s.tip,
		headers: make(map[core.Hash]core.Header), joins: make(map[core.Hash]bool),
	}
	for _, step := range []func(reader) error{p.checkStore, p.checkRevert, p.checkApply, p.checkForget, p.checkCondemn} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// header returns the header of a block that is stored, or will be by this change.
func (p *plan) header(r reader, hash core.Hash) (core.Header, error) {
	if h, ok := p.headers[hash]; ok {
		return h, nil
	}
	e, err := r.stored(hash)
	if errors.Is(err, chain.ErrNotFound) {
		err = fmt.Errorf("block %v is not stored: %w", hash, ErrBadChange)
	}
	return e.Header, err
}

func (p *plan) checkStore(r reader) error {
	hashes := make([]core.Hash, len(p.Store))
	for i, b := range p.Store {
		hashes[i] = b.Hash
	}
	stored, condemned := make([]bool, len(hashes)), make([]bool, len(hashes))
	for prefix, found := range map[byte][]bool{prefixEntry: stored, prefixCondemned: condemned} {
		err := r.seekAll(prefix, hashes, func(i int, _ []byte) error { found[i] = true; return nil })
		if err != nil {
			return err
		}
	}
	for i, b := range p.Store {
		if stored[i] {
			continue
		}
		if b.Block.Header.Hash() != b.Hash {
			return fmt.Errorf("block %v under another hash: %w", b.Hash, ErrBadChange)
		}
		if condemned[i] {
			return fmt.Errorf("storing condemned block %v: %w", b.Hash, ErrBadChange)
		}
		if _, err := p.header(r, b.Block.Header.PreviousHash); err != nil {
			return fmt.Errorf("parent of block %v: %w", b.Hash, err)
		}
		p.headers[b.Hash] = b.Block.Header
		p.fresh = append(p.fresh, b)
		p.size += blockCost + b.Block.Size() + storeCost*len(b.Block.Messages)
	}
	return nil
}

func (p *plan) checkRevert(r reader) error {
	for _, hash := range p.Revert {
		if hash != p.fork.hash || p.fork.height == 0 {
			return fmt.Errorf("reverting %v, but the tip is %v: %w", hash, p.fork.hash, ErrBadChange)
		}
		h, err := p.header(r, hash)
		if err != nil {
			return err
		}
		p.fork = tip{h.PreviousHash, p.fork.height - 1}
		p.size += blockCost + revertCost*int(h.MessageCount)
	}
	return nil
}

func (p *plan) checkApply(r reader) error {
	p.tip = p.fork
	for _, hash := range p.Apply {
		h, err := p.header(r, hash)
		if err != nil {
			return err
		}
		if h.PreviousHash != p.tip.hash || h.Height != p.tip.height+1 {
			return fmt.Errorf("applying %v, no child of %v: %w", hash, p.tip.hash, ErrBadChange)
		}
		p.tip = tip{hash, h.Height}
		p.joins[hash] = true
		p.size += blockCost + applyCost*int(h.MessageCount)
	}
	return nil
}

// checkForget lets blocks pass that are not stored: they are forgotten already.
func (p *plan) checkForget(r reader) error {
	for _, hash := range p.Forget {
		h, err := p.header(r, hash)
		if errors.Is(err, ErrBadChange) {
			continue
		}
		if err != nil {
			return err
		}
		best, err := p.onBest(r, chain.Place{Block: hash, Height: h.Height})
		if err != nil {
			return err
		}
		if best {
			return fmt.Errorf("forgetting %v of the best chain: %w", hash, ErrBadChange)
		}
		p.size += blockCost + forgetCost*int(h.MessageCount)
	}
	return nil
}

func (p *plan) checkCondemn(r reader) error {
	leaving := make(map[core.Hash]bool, len(p.Forget))
	for _, hash := range p.Forget {
		leaving[hash] = true
	}
	for _, e := range p.Condemn {
		_, err := p.header(r, e.Hash)
		switch {
		case e.Condemned == "":
			return fmt.Errorf("condemning %v without a reason: %w", e.Hash, ErrBadChange)
		case err == nil && !leaving[e.Hash]:
			return fmt.Errorf("condemning stored block %v: %w", e.Hash, ErrBadChange)
		case err != nil && !errors.Is(err, ErrBadChange):
			return err
		}
	}
	return nil
}

// onBest reports whether a place is on the best chain as the change leaves it.
func (p *plan) onBest(r reader, at chain.Place) (bool, error) {
	if at.Height > p.fork.height {
		return p.joins[at.Block], nil
	}
	hash, err := r.hashAt(at.Height)
	if err != nil {
		return false, missing(err, "block at height %d", at.Height)
	}
	return hash == at.Block, nil
}
