package api

import (
	"context"
	"errors"
	"io"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// walkTries is how often a walk that reorgs get in the way of looks again.
const walkTries = 4

// A walk goes up the best chain from genesis, one block in memory at a time. Every block that it
// returns is the child of the one before, whatever reorgs happen meanwhile: it ends at the tip that
// was the best at the start, or at a later one if a reorg happened above where it was.
type walk struct {
	chain Chain
	tip   core.Hash // where it ends: on top of last
	top   uint64    // height of tip
	next  uint64    // height of the next block
	last  core.Hash // the block returned last
	// side are the blocks from tip down that are not on the best chain any more, if last is one of
	// them. All that is left to return is in here then.
	side []core.Hash
}

// walk starts a walk at genesis.
func (s *Server) walk() *walk {
	tip := s.deps.Chain.Tip()
	return &walk{chain: s.deps.Chain, tip: tip.Hash, top: tip.Header.Height}
}

// step returns the next block and its hash, io.EOF after the last one.
func (w *walk) step(ctx context.Context) (core.Hash, *core.Block, error) {
	for range walkTries {
		if err := ctx.Err(); err != nil {
			return core.Hash{}, nil, err
		}
		if w.next > w.top {
			return core.Hash{}, nil, io.EOF
		}
		if err := w.follow(); err != nil {
			return core.Hash{}, nil, err
		}
		hash, block, err := w.look()
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return core.Hash{}, nil, err
		}
		if err == nil && (w.next == 0 || block.Header.PreviousHash == w.last) {
			w.next, w.last = w.next+1, hash
			return hash, block, nil
		}
	}
	return core.Hash{}, nil, errors.New("the chain changes faster than it can be read")
}

// follow learns about a reorg. Below it the walk goes on along the new best chain; above it the walk
// stays on the branch that it began with, whose blocks are still stored.
func (w *walk) follow() error {
	if w.side != nil {
		return nil
	}
	at, err := w.chain.HashAt(w.top)
	if err == nil && at == w.tip {
		return nil
	}
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		return err
	}
	if w.next > 0 {
		left, err := w.chain.UpdatesSince(w.last, 0)
		if err != nil {
			return err
		}
		if len(left.Reverted) > 0 {
			update, err := w.chain.UpdatesSince(w.tip, 0)
			w.side = update.Reverted
			return err
		}
	}
	tip := w.chain.Tip()
	w.tip, w.top = tip.Hash, tip.Header.Height
	return nil
}

// look reads the block at the next height of the walk's branch.
func (w *walk) look() (core.Hash, *core.Block, error) {
	var hash core.Hash
	if below := w.top - w.next; below < uint64(len(w.side)) {
		hash = w.side[below]
	} else {
		var err error
		if hash, err = w.chain.HashAt(w.next); err != nil {
			return hash, nil, err
		}
	}
	block, err := w.chain.Block(hash)
	return hash, block, err
}
