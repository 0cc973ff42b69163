package proof

import (
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// A keeper is a world that keeps roots, and counts the leaves that it was asked for.
type keeper struct {
	*world
	roots Roots
	read  int
}

func (k *keeper) View(f func(View) error) error { return f(k) }

func (k *keeper) Roots() *Roots { return &k.roots }

func (k *keeper) Leaves(block core.Hash) ([]core.Leaf, error) {
	leaves, err := k.world.Leaves(block)
	k.read += len(leaves)
	return leaves, err
}

func (k *keeper) LeavesOf(block core.Hash, from, to int) ([]core.Leaf, error) {
	leaves, err := k.world.Leaves(block)
	leaves = leaves[min(from, len(leaves)):min(to, len(leaves))]
	k.read += len(leaves)
	return leaves, err
}

// The first proof of a large block reads all of its leaves, later ones a piece, and they are the same.
func TestRootsAreKept(t *testing.T) {
	w := newWorld(t, coretest.Network(t))
	m := coretest.MessageWith(t, w.n, coretest.Key(1), "one of many", func(m *core.Message) { m.Seen = w.n.Genesis })
	w.nextLarge(m, 5000, 3*pieceLeaves)
	small := coretest.Message(t, w.n, coretest.Key(1), "one of few")
	w.next(small)
	k := &keeper{world: w}
	want := w.prove(m)
	for _, read := range []int{3 * pieceLeaves, pieceLeaves, pieceLeaves} {
		k.read = 0
		got, err := Build(k, m.ID)
		if err != nil || k.read != read || !reflect.DeepEqual(got, want) {
			t.Errorf("%d leaves were read, want %d; %v", k.read, read, err)
		}
	}
	if _, err := Build(k, small.ID); err != nil || len(k.roots.blocks) != 1 {
		t.Errorf("the roots of a small block are kept: %v", err)
	}
}

func TestRootsAreBounded(t *testing.T) {
	var r Roots
	for i := range uint32(2*keptBlocks + 3) {
		var block core.Hash
		binary.BigEndian.PutUint32(block[:], i)
		roots := []core.Hash{block}
		r.keep(block, roots)
		if got := r.of(block); !slices.Equal(got, roots) || len(r.blocks) > keptBlocks {
			t.Fatalf("%d blocks are kept, %v of this one", len(r.blocks), got)
		}
	}
}
