package store

import (
	"errors"
	"math"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/proof"
)

// View implements proof.Source: f sees one moment of the store, while the chain moves on.
func (s *Store) View(f func(proof.View) error) error {
	_, err := snapshot(s, func(r reader) (struct{}, error) {
		return struct{}{}, f(view{r, s.network, &s.roots})
	})
	return err
}

// A view is a reader that proofs are made from.
type view struct {
	r       reader
	network *core.Network
	roots   *proof.Roots
}

func (v view) Network() *core.Network { return v.network }

func (v view) Height() (uint64, error) {
	t, err := v.r.tip()
	return t.height, err
}

// HashAt is asked for heights up to the tip's alone: a missing one is damage, not an unknown message.
func (v view) HashAt(height uint64) (core.Hash, error) {
	hash, err := v.r.hashAt(height)
	if err != nil {
		return core.Hash{}, missing(err, "block at height %d", height)
	}
	return hash, nil
}

func (v view) Header(block core.Hash) (core.Header, bool, error) {
	e, err := v.r.stored(block)
	if errors.Is(err, chain.ErrNotFound) {
		return core.Header{}, false, nil
	}
	return e.Header, err == nil, err
}

func (v view) HistoryNode(level int, index uint64) (core.Hash, error) {
	node, err := v.r.historyNode(level, index)
	if err != nil {
		return core.Hash{}, missing(err, "node %d of level %d of the history tree", index, level)
	}
	return node, nil
}

func (v view) Roots() *proof.Roots { return v.roots }

func (v view) Leaves(block core.Hash) ([]core.Leaf, error) { return v.LeavesOf(block, 0, math.MaxInt) }

func (v view) LeavesOf(block core.Hash, from, to int) ([]core.Leaf, error) {
	e, err := v.r.stored(block)
	if err == nil {
		var leaves []core.Leaf
		decode := func(value []byte) ([]core.Leaf, error) { return decodeBareLeaves(value, from, to) }
		if leaves, err = get(v.r, blockKey(prefixLeaves, e.Header.Height, block), decode); err == nil {
			return leaves, nil
		}
	}
	return nil, missing(err, "leaves of block %v", block)
}

// decodeBareLeaves is decodeLeaves without the slots, in one copy, from one leaf up to another one: a block
// may have 3 MiB of leaves.
func decodeBareLeaves(value []byte, from, to int) ([]core.Leaf, error) {
	if len(value)%keptLeafSize != 1 || value[0] != valueVersion {
		return nil, errValue
	}
	count := len(value) / keptLeafSize
	from, to = min(from, count), min(to, count)
	leaves := make([]core.Leaf, 0, to-from)
	for i := from; i < to; i++ {
		leaves = append(leaves, core.DecodeLeaf([core.LeafSize]byte(value[1+i*keptLeafSize:])))
	}
	return leaves, nil
}

func (v view) Place(id core.Hash) (core.Hash, int, bool, error) {
	p, err := v.r.sealed(id)
	if errors.Is(err, chain.ErrNotFound) {
		return core.Hash{}, 0, false, nil
	}
	return p.Block, p.Position, err == nil, err
}

// Message has no body where the message is marked as erased, although the bytes may still be here.
func (v view) Message(id core.Hash) (*core.Message, error) {
	m, err := v.r.message(id)
	if err != nil || m.Body == nil {
		return m, err
	}
	erased, err := v.r.has(hashKey(prefixErasure, id))
	if erased {
		m.Body = nil
	}
	return m, err
}
