package chain_test

import (
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

// A block on a side branch may hold a message with another signature than the best chain does.
func TestMessageHasTheSignatureOfItsLeaf(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 2)
	second := coretest.Resigned(t, coretest.Key(0), m[0])
	f := coretest.NewForks(t, n)
	f.Next("genesis", "a1", m[0], m[1])
	f.Next("genesis", "b1", second)
	c, err := chain.Open(n, coretest.NewMemStore(n), chain.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]*core.Message{"a1": {m[0], m[1]}, "b1": {second}} {
		if _, err := c.AddBlocks([]*core.Block{f.Block(name)}); err != nil {
			t.Fatal(err)
		}
		leaves, err := c.Leaves(f.Hash(name))
		if err != nil || len(leaves) != len(want) {
			t.Fatalf("Leaves = %d, %v", len(leaves), err)
		}
		for i := range leaves {
			got, err := c.Message(leaves[i])
			if err != nil || string(got.Bytes()) != string(want[i].Bytes()) {
				t.Errorf("%s: message %d is another one, %v", name, i, err)
			}
		}
	}
	if m[0].Signature == second.Signature {
		t.Error("a stored message was changed")
	}
	if _, err := c.Leaves(core.Hash{1}); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("Leaves of an unknown block: %v", err)
	}
	if _, err := c.Message(core.Leaf{}); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("an unknown message: %v", err)
	}
}
