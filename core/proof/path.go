package proof

import (
	"crypto/sha256"
	"math/bits"

	"p2pchain/core"
)

// pathLength returns the length of the audit path of a leaf in an RFC 6962 tree of this many leaves,
// which must be more than index.
func pathLength(index, size uint64) int {
	inner := bits.Len64(index ^ (size - 1)) // levels on which the leaf's subtree is not on the right edge
	return inner + bits.OnesCount64(index>>inner)
}

// pathRoot returns the root to which an audit path of the right length leads.
func pathRoot(index, size uint64, leaf core.Hash, path []core.Hash) core.Hash {
	inner := bits.Len64(index ^ (size - 1))
	h := leaf
	for level, sibling := range path {
		if level < inner && index>>level&1 == 0 {
			h = nodeHash(h, sibling)
		} else { // on the right edge only left siblings are left
			h = nodeHash(sibling, h)
		}
	}
	return h
}

// nodeHash returns the RFC 6962 hash of a node, SHA-256(0x01 ‖ left ‖ right).
func nodeHash(left, right core.Hash) core.Hash {
	var b [1 + 2*core.HashSize]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+core.HashSize:], right[:])
	return sha256.Sum256(b[:])
}
