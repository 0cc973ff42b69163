package proof

import (
	"errors"
	"fmt"
	"math/bits"

	"p2pchain/core"
)

var (
	// ErrNotConfirmed means that a message is known, but in no block of the best chain yet.
	ErrNotConfirmed = errors.New("message is in no block yet")
	// ErrNotOnChain means that the block in which a proof was to end is not on the best chain.
	ErrNotOnChain = errors.New("block is not on the best chain")
	// ErrBelowMessage means that the block in which a proof was to end is below that of the message.
	ErrBelowMessage = errors.New("block is below that of the message")
)

// A Source is a chain that proofs are made from; the store of a node is one.
type Source interface {
	// View calls f with a view of one moment, whatever happens to the chain meanwhile. The view ends with
	// the call.
	View(f func(View) error) error
}

// A View is one moment of a best chain. A method that is asked for what is not there returns an error.
type View interface {
	Network() *core.Network
	// Height returns that of the best chain's last block.
	Height() (uint64, error)
	// HashAt returns the best chain's block at a height.
	HashAt(height uint64) (core.Hash, error)
	// Header returns that of a stored block, and false for a hash that is of none.
	Header(block core.Hash) (core.Header, bool, error)
	// HistoryNode returns the root of the full subtree of 2^level blocks of the history tree that starts
	// with the block at height index·2^level.
	HistoryNode(level int, index uint64) (core.Hash, error)
	// Leaves returns those of a stored block.
	Leaves(block core.Hash) ([]core.Leaf, error)
	// Place returns where the best chain holds a message, and false where it does not.
	Place(id core.Hash) (block core.Hash, position int, ok bool, err error)
	// Message returns any stored message, waiting or in a block; its body is nil where it was erased.
	Message(id core.Hash) (*core.Message, error)
}

// Build makes the proof of a message from what the best chain is now. ErrNotConfirmed is for one that
// waits, or that only a side branch holds; for one that is not known the error is the source's.
func Build(src Source, id core.Hash) (*Proof, error) {
	return fromView(src, id, View.Height)
}

// BuildTo makes the proof that Build would have made when a block of the best chain was its last one: the
// message's own, or one above it. So whoever noted the hash of that block has an anchor for the proof.
func BuildTo(src Source, id, last core.Hash) (*Proof, error) {
	return fromView(src, id, func(v View) (uint64, error) {
		height, ok, err := heightOnChain(v, last)
		if err == nil && !ok {
			err = fmt.Errorf("proof to block %v: %w", last, ErrNotOnChain)
		}
		return height, err
	})
}

// heightOnChain returns the height of a block, and false for one that is not on the best chain.
func heightOnChain(v View, block core.Hash) (uint64, bool, error) {
	h, ok, err := v.Header(block)
	if err != nil || !ok {
		return 0, false, err
	}
	tip, err := v.Height()
	if err != nil || h.Height > tip {
		return 0, false, err
	}
	at, err := v.HashAt(h.Height)
	return h.Height, err == nil && at == block, err
}

// fromView makes the proof of a message that ends at a height.
func fromView(src Source, id core.Hash, last func(View) (uint64, error)) (*Proof, error) {
	var p *Proof
	err := src.View(func(v View) (err error) {
		p, err = build(v, id, last)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("proof of message %v: %w", id, err)
	}
	return p, nil
}

func build(v View, id core.Hash, last func(View) (uint64, error)) (*Proof, error) {
	m, err := v.Message(id)
	if err != nil {
		return nil, err
	}
	hash, position, ok, err := v.Place(id)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrNotConfirmed
	}
	block, err := known(v, hash)
	if err != nil {
		return nil, err
	}
	p := &Proof{Params: v.Network().Params, Message: m, Block: block, Position: position}
	leaf, path, err := placeOf(v, hash, &block, position)
	if err != nil {
		return nil, err
	}
	if leaf.ID != id {
		return nil, fmt.Errorf("block %v does not hold it at position %d", hash, position)
	}
	m.Signature = leaf.Signature // its author may have signed it more than once
	p.Path = path
	if p.Seen, err = seenStep(v, m.Seen, block.Height); err != nil {
		return nil, err
	}
	end, err := last(v)
	if err == nil && end < block.Height {
		err = fmt.Errorf("proof to block %d of a message in block %d: %w", end, block.Height, ErrBelowMessage)
	}
	if err != nil {
		return nil, err
	}
	return p, addTop(v, p, end)
}

// known returns the header of a block that must be stored.
func known(v View, block core.Hash) (core.Header, error) {
	h, ok, err := v.Header(block)
	if err == nil && !ok {
		err = fmt.Errorf("block %v is not stored", block)
	}
	return h, err
}

// seenStep returns nil for a hash that is not of an earlier block of the best chain.
func seenStep(v View, seen core.Hash, height uint64) (*Step, error) {
	h, ok, err := v.Header(seen)
	if err != nil || !ok || h.Height >= height {
		return nil, err
	}
	at, err := v.HashAt(h.Height)
	if err != nil || at != seen {
		return nil, err
	}
	path, err := historyPath(v, h.Height, height)
	return &Step{h, path}, err
}

// addTop adds the next block and the last one, as far as there are any up to a height.
func addTop(v View, p *Proof, last uint64) error {
	if last == p.Block.Height {
		return nil
	}
	at := func(height uint64) (core.Header, error) {
		hash, err := v.HashAt(height)
		if err != nil {
			return core.Header{}, err
		}
		return known(v, hash)
	}
	next, err := at(p.Block.Height + 1)
	if err != nil {
		return err
	}
	p.Next = &Step{Header: next}
	if next.Height == last {
		return nil
	}
	tip, err := at(last)
	if err != nil {
		return err
	}
	p.Tip = &tip
	p.Next.Path, err = historyPath(v, next.Height, last)
	return err
}

// historyPath returns the audit path of the block at a height in the tree over the blocks before size.
func historyPath(v View, height, size uint64) ([]core.Hash, error) {
	return auditPath(height, size, func(from, to uint64) (core.Hash, error) { return historyRoot(v, from, to) })
}

// historyRoot returns the root over the blocks from … to − 1; from is a multiple of a power of two that
// is not below to − from, as in every subtree of an RFC 6962 tree.
func historyRoot(v View, from, to uint64) (core.Hash, error) {
	size := to - from
	if size&(size-1) == 0 {
		level := bits.TrailingZeros64(size)
		return v.HistoryNode(level, from>>level)
	}
	middle := from + split(size)
	left, err := historyRoot(v, from, middle)
	if err != nil {
		return core.Hash{}, err
	}
	right, err := historyRoot(v, middle, to)
	return nodeHash(left, right), err
}

// split returns how many leaves are in the left half of a tree: the largest power of two below size,
// which is 2 or more.
func split(size uint64) uint64 { return 1 << (bits.Len64(size-1) - 1) }

// auditPath returns the RFC 6962 audit path of a leaf in a tree of size leaves, with the roots of subtrees
// from root.
func auditPath(index, size uint64, root func(from, to uint64) (core.Hash, error)) ([]core.Hash, error) {
	path := make([]core.Hash, pathLength(index, size))
	for from, to, i := uint64(0), size, len(path)-1; to-from > 1; i-- { // from the root down
		middle := from + split(to-from)
		var err error
		if index < middle {
			path[i], err = root(middle, to)
			to = middle
		} else {
			path[i], err = root(from, middle)
			from = middle
		}
		if err != nil {
			return nil, err
		}
	}
	return path, nil
}
