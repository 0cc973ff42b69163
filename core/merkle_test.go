package core_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"p2pchain/core"
)

// plainRoot is the definition in RFC 6962 section 2.1: a recursion over the largest power of two
// that is smaller than the number of leaves.
func plainRoot(leaves [][]byte) core.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, leaves[0]...))
	}
	split := 1
	for split*2 < len(leaves) {
		split *= 2
	}
	left, right := plainRoot(leaves[:split]), plainRoot(leaves[split:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

func TestMessageRoot(t *testing.T) {
	var leaves []core.Leaf
	var raw [][]byte
	for i := range 70 {
		if got, want := core.MessageRoot(leaves), plainRoot(raw); got != want {
			t.Fatalf("root of %d leaves = %v, want %v", i, got, want)
		}
		leaf := core.Leaf{ID: sha256.Sum256(fmt.Append(nil, i)), Signature: core.Signature{byte(i), 63: byte(i)}}
		b := leaf.Bytes()
		leaves, raw = append(leaves, leaf), append(raw, b[:])
		if core.LeafHash(b[:]) != plainRoot(raw[i:]) {
			t.Fatalf("hash of leaf %d = %v", i, core.LeafHash(b[:]))
		}
	}
}

// TestFrontier grows a tree beside the transparency-dev compact range, which it must equal in every
// step, and beside the plain definition.
func TestFrontier(t *testing.T) {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	theirs := factory.NewEmptyRange(0)
	var ours core.Frontier
	var hashes [][]byte
	for i := range 1100 {
		compareWithRange(t, ours, theirs)
		if i < 70 && ours.Root() != plainRoot(hashes) {
			t.Fatalf("root of %d = %v", i, ours.Root())
		}
		block := core.Hash(sha256.Sum256(fmt.Append(nil, i)))
		hashes = append(hashes, block[:])
		ours = ours.Append(block)
		if err := theirs.Append(rfc6962.DefaultHasher.HashLeaf(block[:]), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func compareWithRange(t *testing.T, ours core.Frontier, theirs *compact.Range) {
	t.Helper()
	if ours.Size() != theirs.End() {
		t.Fatalf("size %d, want %d", ours.Size(), theirs.End())
	}
	root, err := theirs.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.End() == 0 { // a nil root there
		root = rfc6962.DefaultHasher.EmptyRoot()
	}
	if ours.Root() != core.Hash(root) {
		t.Fatalf("root of %d = %v, want %x", ours.Size(), ours.Root(), root)
	}
	peaks := ours.Peaks()
	same := slices.EqualFunc(peaks, theirs.Hashes(), func(a core.Hash, b []byte) bool { return a == core.Hash(b) })
	if !same {
		t.Fatalf("peaks of %d = %v, want %x", ours.Size(), peaks, theirs.Hashes())
	}
	back, err := core.NewFrontier(ours.Size(), peaks)
	if err != nil || back.Root() != ours.Root() || back.Append(core.Hash{}).Root() != ours.Append(core.Hash{}).Root() {
		t.Fatalf("peaks of %d read back as %v, %v", ours.Size(), back, err)
	}
}

// TestFrontierIsAValue holds that branches which share a trunk do not disturb each other.
func TestFrontierIsAValue(t *testing.T) {
	var trunk core.Frontier
	for i := range 37 {
		root := trunk.Root()
		a, b := trunk.Append(core.Hash{1}), trunk.Append(core.Hash{2})
		for range i {
			a, b = a.Append(core.Hash{3}), b.Append(core.Hash{3})
		}
		if trunk.Root() != root || a.Root() == b.Root() {
			t.Fatalf("branches on %d blocks are mixed up", i)
		}
		trunk = trunk.Append(core.Hash{byte(i)})
	}
}

func TestNewFrontierRefuses(t *testing.T) {
	for _, tt := range []struct {
		size  uint64
		peaks int
	}{{0, 1}, {1, 0}, {3, 1}, {4, 2}, {1<<64 - 1, 63}, {1 << 63, 0}} {
		if _, err := core.NewFrontier(tt.size, make([]core.Hash, tt.peaks)); !errors.Is(err, core.ErrMalformed) {
			t.Errorf("%d peaks for %d leaves: %v", tt.peaks, tt.size, err)
		}
	}
}
