package core_test

import (
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"p2pchain/core"
)

// BenchmarkMessageRoot compares our root over a full block with the library's over the same leaves.
func BenchmarkMessageRoot(b *testing.B) {
	leaves := make([]core.Leaf, 32768)
	for i := range leaves {
		leaves[i].ID = core.Hash{byte(i), byte(i >> 8)}
	}
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			core.MessageRoot(leaves)
		}
	})
	b.Run("library", func(b *testing.B) {
		factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
		for b.Loop() {
			tree := factory.NewEmptyRange(0)
			for i := range leaves {
				leaf := leaves[i].Bytes()
				if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(leaf[:]), nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
