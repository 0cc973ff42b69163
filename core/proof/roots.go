package proof

import (
	"fmt"
	"sync"

	"p2pchain/core"
)

// keptBlocks is how many blocks Roots keeps, with up to 16 hashes each.
const keptBlocks = 1024

// Roots keep the upper parts of the trees of large blocks of which proofs were asked, so that the next
// proof of such a block hashes a sixteenth of its leaves. What they keep is true of a block's hash for all
// time. The zero value is ready, and safe for use by several goroutines.
type Roots struct {
	mu     sync.Mutex
	blocks map[core.Hash][]core.Hash
}

func (r *Roots) of(block core.Hash) []core.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.blocks[block]
}

func (r *Roots) keep(block core.Hash, roots []core.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.blocks) >= keptBlocks || r.blocks == nil {
		r.blocks = make(map[core.Hash][]core.Hash) // those that are asked for come back
	}
	r.blocks[block] = roots
}

// A RootsView is a View that keeps Roots, and can read some of the leaves of a block.
type RootsView interface {
	View
	Roots() *Roots
	// LeavesOf returns the leaves from … to − 1 of a stored block, as far as there are any.
	LeavesOf(block core.Hash, from, to int) ([]core.Leaf, error)
}

// placeOf returns the leaf of a message in its block, and its audit path.
func placeOf(v View, block core.Hash, header *core.Header, position int) (core.Leaf, []core.Hash, error) {
	kept, ok := v.(RootsView)
	large := ok && header.MessageCount > pieceLeaves
	if large {
		if roots := kept.Roots().of(block); roots != nil {
			from := position / pieceLeaves * pieceLeaves
			piece, err := kept.LeavesOf(block, from, from+pieceLeaves)
			if err != nil || position-from >= len(piece) {
				return core.Leaf{}, nil, noLeaf(err, block, position)
			}
			return piece[position-from], pathOf(piece, position, roots), nil
		}
	}
	leaves, err := v.Leaves(block)
	if err != nil || position >= len(leaves) {
		return core.Leaf{}, nil, noLeaf(err, block, position)
	}
	from := position / pieceLeaves * pieceLeaves
	roots := pieceRoots(leaves)
	if large {
		kept.Roots().keep(block, roots)
	}
	return leaves[position], pathOf(leaves[from:min(len(leaves), from+pieceLeaves)], position, roots), nil
}

func noLeaf(err error, block core.Hash, position int) error {
	if err == nil {
		err = fmt.Errorf("block %v has no leaf %d", block, position)
	}
	return err
}
