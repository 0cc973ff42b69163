package api

import (
	"context"
	"errors"
	"io"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	// walkTries is how often a walk that reorgs get in the way of looks again.
	walkTries = 4
	// A walk reads at most so much at once.
	walkBytes    = 128 << 10
	walkMessages = 1024
	walkBlocks   = 128
)

// A walk goes up the best chain, a bounded piece of it in memory at a time. Every block that it reads
// is the child of the one before, whatever reorgs happen meanwhile: it ends at the tip that was the
// best at the start, or at a later one if a reorg happened above where it was.
type walk struct {
	chain  Chain
	blocks Archive
	tip    core.Hash // where it ends: on top of last
	top    uint64    // height of tip
	next   uint64    // height of the next block
	last   core.Hash // the block read last
	rest   int       // if not 0, the position in last of the first message that was not read yet
	// side are the blocks from tip down that are not on the best chain any more, if last is one of
	// them. All that is left to read is in here then.
	side []core.Hash

	bare   bool // headers only
	guess  int  // how many blocks fit into one read
	hashes []core.Hash
	pieces chain.Pieces
}

// walk starts a walk at genesis.
func (s *Server) walk() *walk {
	tip := s.deps.Chain.Tip()
	return &walk{chain: s.deps.Chain, blocks: s.deps.Archive, tip: tip.Hash, top: tip.Header.Height, guess: 1}
}

// confirmations returns those of a block at a height as of the walk's tip, 0 for one that a reorg took
// off the best chain.
func (w *walk) confirmations(height uint64) uint64 {
	if w.top-height < uint64(len(w.side)) {
		return 0
	}
	return w.top - height + 1
}

// read returns the next blocks or parts of blocks, which are valid until the next call, io.EOF after
// the last one.
func (w *walk) read(ctx context.Context) ([]chain.Piece, error) {
	for range walkTries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if w.next > w.top && w.rest == 0 {
			return nil, io.EOF
		}
		err := w.look()
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return nil, err
		}
		if list := w.take(); len(list) > 0 {
			return list, nil
		}
	}
	return nil, errors.New("the chain changes faster than it can be read")
}

// look reads what the walk's branch seems to have next.
func (w *walk) look() error {
	w.pieces.Reset()
	w.hashes = w.hashes[:0]
	if w.rest > 0 {
		w.hashes = append(w.hashes, w.last)
	} else if err := w.follow(); err != nil {
		return err
	}
	for height := w.next; height <= w.top && len(w.hashes) < w.guess; height++ {
		hash, err := w.hashAt(height)
		if errors.Is(err, chain.ErrNotFound) {
			break
		}
		if err != nil {
			return err
		}
		w.hashes = append(w.hashes, hash)
	}
	if len(w.hashes) == 0 {
		return chain.ErrNotFound
	}
	return w.blocks.Pieces(&w.pieces, chain.Extract{Blocks: w.hashes, From: w.rest, Bare: w.bare, Messages: walkMessages, Bytes: walkBytes})
}

// take returns what was read as far as it follows on what was read before: a reorg may have come
// between any two looks.
func (w *walk) take() []chain.Piece {
	list := w.pieces.List
	for i := range list {
		p := &list[i]
		if p.From == 0 {
			if w.next > 0 && p.Header.PreviousHash != w.last {
				list = list[:i]
				break
			}
			w.next, w.last = w.next+1, p.Hash
		}
		w.rest = 0
		if !w.bare && !p.Whole() {
			w.rest = p.To()
		}
	}
	switch {
	case len(list) == w.guess:
		w.guess = min(2*w.guess, walkBlocks)
	case len(list) > 0:
		w.guess = len(list)
	}
	return list
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

// hashAt returns the block of the walk's branch at a height.
func (w *walk) hashAt(height uint64) (core.Hash, error) {
	if below := w.top - height; below < uint64(len(w.side)) {
		return w.side[below], nil
	}
	return w.chain.HashAt(height)
}
