package mempool

import (
	"encoding/binary"
	"testing"

	"p2pchain/core"
)

// Two leaf hashes with one short id under the key of collidingBlock, found by a search of 2 s.
const collidingA, collidingB = 8517207, 24661455

func collidingBlock() (block core.Hash) {
	for i := range block {
		block[i] = byte(i)
	}
	return block
}

func leafHash(i uint64) (leaf core.Hash) {
	binary.BigEndian.PutUint64(leaf[24:], i)
	return leaf
}

// put adds an entry whose leaf hash is made up.
func (x *leafIndex) put(id byte, leaf core.Hash) {
	x.entries = append(x.entries, leafEntry{core.Hash{id}, leaf})
}

func TestShortIDCollisions(t *testing.T) {
	block := collidingBlock()
	key := core.ShortKeyOf(block)
	a, b, other := leafHash(collidingA), leafHash(collidingB), leafHash(1)
	if key.ID(&a) != key.ID(&b) {
		t.Fatal("the two leaf hashes do not collide: this tests nothing")
	}
	short := func(leaves ...core.Hash) (out []core.ShortID) {
		for i := range leaves {
			out = append(out, key.ID(&leaves[i]))
		}
		return out
	}
	for _, tt := range []struct {
		name  string
		known []core.Hash
		block []core.Hash
		want  []byte // ids, from 1 in the order of known; 0: nobody knows which
	}{
		{"none", []core.Hash{a, other}, []core.Hash{other, a}, []byte{2, 1}},
		{"two wait", []core.Hash{a, b, other}, []core.Hash{a, other}, []byte{0, 3}},
		{"two in the block, one waits", []core.Hash{a, other}, []core.Hash{a, other, b}, []byte{0, 2, 0}},
		{"two in the block, two wait", []core.Hash{a, b}, []core.Hash{b, a}, []byte{0, 0}},
		{"another one waits", []core.Hash{b}, []core.Hash{a}, []byte{1}}, // only the root can tell
		{"one leaf known twice", []core.Hash{a, a}, []core.Hash{a}, []byte{1}},
		{"none waits", nil, []core.Hash{a, other}, []byte{0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newLeafIndex()
			for i, leaf := range tt.known {
				x.put(byte(i+1), leaf)
			}
			m := newMatch(block, short(tt.block...))
			x.search(m)
			for i, want := range tt.want {
				got := byte(0)
				if m.hits[i].count == 1 && !m.twice[i] {
					got = m.hits[i].id[0]
				}
				if got != want {
					t.Errorf("position %d: message %d, want %d", i, got, want)
				}
			}
		})
	}
}

func TestLeafIndexIsBounded(t *testing.T) {
	x := newLeafIndex()
	leaf := func(i int) core.Leaf { return core.Leaf{ID: core.Hash{byte(i), byte(i >> 8), byte(i >> 16)}} }
	for i := range maxIndexed + 5 {
		x.add(leaf(i), false)
	}
	if x.len() != maxIndexed || x.has(leaf(maxIndexed).ID) || !x.has(leaf(maxIndexed-1).ID) {
		t.Fatalf("%d entries, want the first %d", x.len(), maxIndexed)
	}
	x.add(leaf(maxIndexed), true)
	if x.len() != maxIndexed || !x.has(leaf(maxIndexed).ID) || x.has(leaf(maxIndexed-1).ID) {
		t.Error("what is to be sealed soon does not take the place of what came last")
	}
	for i := range maxIndexed + 5 {
		x.remove(leaf(i).ID)
	}
	if x.len() != 0 || len(x.where) != 0 {
		t.Errorf("%d entries and %d places after all left", x.len(), len(x.where))
	}
}
