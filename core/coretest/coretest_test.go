package coretest_test

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// TestBlocksAreValid holds what this package makes against the rules.
func TestBlocksAreValid(t *testing.T) {
	for name, n := range map[string]*core.Network{
		"test":    coretest.Network(t),
		"stamped": coretest.Network(t, func(p *core.Params) { p.StampBits = 4 }),
		"classic": coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 2 }),
	} {
		t.Run(name, func(t *testing.T) {
			tip := coretest.Genesis(n)
			for _, b := range coretest.Chain(t, n, tip, 20, 1) {
				checkOn(t, n, tip, b)
				tip = tip.After(b)
			}
			if tip.Header.Height != 20 {
				t.Errorf("height %d, want 20", tip.Header.Height)
			}
		})
	}
}

func TestForks(t *testing.T) {
	n := coretest.Network(t)
	f := coretest.NewForks(t, n)
	f.Chain("genesis", coretest.Names("a", 1, 3)...)
	f.Chain("a1", coretest.Names("b", 2, 4)...)
	checkOn(t, n, f.Tip("a1"), f.Block("b2"))
	checkOn(t, n, f.Tip("b3"), f.Block("b4"))
	f.Next("a3", "empty1")
	f.Next("a3", "empty2")
	if f.Hash("empty1") == f.Hash("empty2") {
		t.Error("two siblings are one block")
	}
}

func TestMessageIsDeterministic(t *testing.T) {
	n := coretest.Network(t)
	a := coretest.Message(t, n, coretest.Key(1), "x")
	if b := coretest.Message(t, n, coretest.Key(1), "x"); a.ID != b.ID || a.Signature != b.Signature {
		t.Error("the same arguments gave two messages")
	}
	if b := coretest.Message(t, n, coretest.Key(2), "x"); a.ID == b.ID {
		t.Error("two keys gave one message")
	}
}

func checkOn(t *testing.T, n *core.Network, parent coretest.Tip, b *core.Block) {
	t.Helper()
	if err := consensus.CheckHeader(n, &parent.Header, parent.Hash, parent.History, &b.Header); err != nil {
		t.Fatalf("header %d: %v", b.Header.Height, err)
	}
	if err := consensus.CheckBlock(n, b); err != nil {
		t.Fatalf("block %d: %v", b.Header.Height, err)
	}
	if err := consensus.CheckBodies(b); err != nil {
		t.Fatalf("block %d: %v", b.Header.Height, err)
	}
}
