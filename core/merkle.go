package core

import (
	"fmt"
	"math/bits"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// LeafHash returns the RFC 6962 hash of a leaf, SHA-256(0x00 ‖ leaf).
func LeafHash(leaf []byte) Hash { return Hash(rfc6962.DefaultHasher.HashLeaf(leaf)) }

// MessageRoot returns the RFC 6962 root over the leaves of a block.
func MessageRoot(leaves []Leaf) Hash {
	if len(leaves) == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	for i := range leaves {
		leaf := leaves[i].Hash()
		if err := tree.Append(leaf[:], nil); err != nil {
			panic(fmt.Sprintf("core: appending to a range from 0: %v", err)) // cannot fail from 0
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		panic(fmt.Sprintf("core: root of a range from 0: %v", err))
	}
	return Hash(root)
}

// A Frontier is the right edge of an RFC 6962 tree that only grows: the roots of its largest full
// subtrees, which is all that is needed to append a leaf or to give the root. The zero value is the
// empty tree.
//
// A Frontier is an immutable value: Append returns a new one that shares what did not change, so
// the frontiers of a chain of headers cost a constant number of bytes each, and those of branches
// share their trunk.
type Frontier struct {
	size uint64
	top  *peak // the smallest subtree
}

type peak struct {
	hash Hash
	next *peak // the next larger subtree, to the left
}

// Size returns the number of leaves.
func (f Frontier) Size() uint64 { return f.size }

// Append returns the frontier with one more block hash as its last leaf.
func (f Frontier) Append(block Hash) Frontier {
	node, top := rfc6962.DefaultHasher.HashLeaf(block[:]), f.top
	for range bits.TrailingZeros64(^f.size) { // each full subtree of equal size merges
		node = rfc6962.DefaultHasher.HashChildren(top.hash[:], node)
		top = top.next
	}
	return Frontier{f.size + 1, &peak{Hash(node), top}}
}

// Root returns the RFC 6962 root, SHA-256 of nothing for the empty tree.
func (f Frontier) Root() Hash {
	if f.top == nil {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	root := f.top.hash[:]
	for p := f.top.next; p != nil; p = p.next {
		root = rfc6962.DefaultHasher.HashChildren(p.hash[:], root)
	}
	return Hash(root)
}

// Peaks returns the subtree roots, largest first: bit i of Size, from the highest, has one of
// height i. NewFrontier reads them back.
func (f Frontier) Peaks() []Hash {
	out := make([]Hash, bits.OnesCount64(f.size))
	i := len(out)
	for p := f.top; p != nil; p = p.next {
		i--
		out[i] = p.hash
	}
	return out
}

// NewFrontier makes the frontier of a tree of size leaves from its Peaks. A wrong number of peaks is
// ErrMalformed; whether they are the right ones cannot be seen here.
func NewFrontier(size uint64, peaks []Hash) (Frontier, error) {
	if len(peaks) != bits.OnesCount64(size) {
		return Frontier{}, fmt.Errorf("%d peaks for %d leaves: %w", len(peaks), size, ErrMalformed)
	}
	f := Frontier{size: size}
	for _, h := range peaks {
		f.top = &peak{h, f.top}
	}
	return f, nil
}
