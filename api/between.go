package api

import (
	"errors"

	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Written says between which blocks of the best chain a message was written.
type Written struct {
	// After is the block that the message names as seen, null where that is no block below its own: the
	// author's signature is over its hash, so the message is not older.
	After *Bound `json:"after"`
	// Before is the block on top of the message's own, null while there is none. The own block's time is
	// its miner's word alone (BlockTime); this one was made by whoever came later.
	Before *Bound `json:"before"`
	// Words says the same for people, in UTC.
	Words string `json:"words"`
}

// A Bound is a block that bounds a time.
type Bound struct {
	Height uint64    `json:"height"`
	Hash   core.Hash `json:"hash"`
	Time   Time      `json:"time"` // by its miner's clock
}

// mostBounds bounds the blocks that spans remember.
const mostBounds = 1024

// spans finds between which blocks messages were written. It remembers blocks, since the messages of a
// list share them, and so is for one answer of one goroutine.
type spans struct {
	chain  Chain
	bounds map[core.Hash]*Bound // nil: not on the best chain
	next   map[core.Hash]*Bound // the block on top of one, nil: none

	seen, block core.Hash // of last
	last        *Written
}

func (s *Server) spans() *spans {
	return &spans{chain: s.deps.Chain, bounds: make(map[core.Hash]*Bound), next: make(map[core.Hash]*Bound)}
}

// of returns between which blocks a message was written that a block of the best chain has.
func (s *spans) of(m *core.Message, block core.Hash, height uint64) (*Written, error) {
	if s.last != nil && s.seen == m.Seen && s.block == block {
		return s.last, nil
	}
	if len(s.bounds)+len(s.next) > mostBounds {
		clear(s.bounds)
		clear(s.next)
	}
	after, err := s.bound(m.Seen)
	if err != nil {
		return nil, err
	}
	if after != nil && after.Height >= height {
		after = nil
	}
	before, err := s.above(block, height)
	if err != nil {
		return nil, err
	}
	s.seen, s.block = m.Seen, block
	s.last = &Written{after, before, evidence.Between(after.point(), height, before.point())}
	return s.last, nil
}

// bound returns a block as a bound, nil if the best chain does not have it.
func (s *spans) bound(hash core.Hash) (*Bound, error) {
	b, known := s.bounds[hash]
	if known {
		return b, nil
	}
	h, err := s.chain.Header(hash)
	if err == nil {
		var at core.Hash
		if at, err = s.chain.HashAt(h.Height); err == nil && at == hash {
			b = &Bound{h.Height, hash, Time(h.TimeMS)}
		}
	}
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return nil, err
	}
	s.bounds[hash] = b
	return b, nil
}

// above returns the block on top of one as a bound, nil if the best chain has none: it ends there, or a
// reorg took it away.
func (s *spans) above(block core.Hash, height uint64) (*Bound, error) {
	b, known := s.next[block]
	if known {
		return b, nil
	}
	hash, err := s.chain.HashAt(height + 1)
	if err == nil {
		var h core.Header
		if h, err = s.chain.Header(hash); err == nil && h.PreviousHash == block {
			b = &Bound{h.Height, hash, Time(h.TimeMS)}
		}
	}
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return nil, err
	}
	s.next[block] = b
	return b, nil
}

// point returns the bound as the words need it.
func (b *Bound) point() *evidence.Point {
	if b == nil {
		return nil
	}
	return &evidence.Point{Height: b.Height, TimeMS: uint64(b.Time)}
}
