package proof

import (
	"crypto/sha256"
	"runtime"
	"slices"
	"sync"

	"p2pchain/core"
)

// pieceLeaves is how many leaves of a block are hashed in one go, a power of two.
const pieceLeaves = 2048

// pathOf returns the audit path of a message in its block, from the leaves of its piece and the roots of all
// pieces. Pieces are full subtrees, but for the last one, so the tree over their roots is the upper part of
// the block's.
func pathOf(piece []core.Leaf, position int, roots []core.Hash) []core.Hash {
	below := foldPath(leafHashes(piece), position%pieceLeaves)
	return append(below, foldPath(slices.Clone(roots), position/pieceLeaves)...)
}

// pieceRoots returns the roots of the pieces of a block. A block has up to 32,768 messages, which one core
// hashes in 9 ms: the pieces are spread over all of them.
func pieceRoots(leaves []core.Leaf) []core.Hash {
	pieces := slices.Collect(slices.Chunk(leaves, pieceLeaves))
	roots, workers := make([]core.Hash, len(pieces)), make(chan struct{}, runtime.GOMAXPROCS(0))
	if len(pieces) == 1 {
		return roots // its root is on no path
	}
	var wg sync.WaitGroup
	for i, piece := range pieces {
		workers <- struct{}{}
		wg.Go(func() {
			roots[i] = fold(leafHashes(piece))
			<-workers
		})
	}
	wg.Wait()
	return roots
}

// foldPath returns the audit path of a leaf in a tree over these hashes, which it overwrites.
func foldPath(hashes []core.Hash, index int) []core.Hash {
	path, _ := auditPath(uint64(index), uint64(len(hashes)), func(from, to uint64) (core.Hash, error) {
		return fold(hashes[from:to]), nil
	})
	return path
}

// fold returns the root over the hashes of leaves, and overwrites them.
func fold(hashes []core.Hash) core.Hash {
	for len(hashes) > 1 {
		pairs := len(hashes) / 2
		for i := range pairs {
			hashes[i] = nodeHash(hashes[2*i], hashes[2*i+1])
		}
		if len(hashes)%2 == 1 { // the last one goes up as it is
			hashes[pairs] = hashes[len(hashes)-1]
			pairs++
		}
		hashes = hashes[:pairs]
	}
	return hashes[0]
}

func leafHashes(leaves []core.Leaf) []core.Hash {
	hashes := make([]core.Hash, len(leaves))
	for i := range leaves {
		hashes[i] = leafHash(&leaves[i])
	}
	return hashes
}

// leafHash returns the RFC 6962 hash of a message's leaf, SHA-256(0x00 ‖ id ‖ signature).
func leafHash(l *core.Leaf) core.Hash {
	var b [1 + core.LeafSize]byte // on the stack
	copy(b[1:], l.ID[:])
	copy(b[1+core.HashSize:], l.Signature[:])
	return sha256.Sum256(b[:])
}
