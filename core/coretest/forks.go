package coretest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	"p2pchain/core"
)

// Forks is a tree of valid blocks with names, for tests that reorganise. The name of the root is
// "genesis". It is not safe for concurrent use.
//
//	f := coretest.NewForks(t, n)
//	f.Chain("genesis", "a1", "a2", "a3")
//	f.Chain("a1", "b2", "b3", "b4") // three blocks on a1
type Forks struct {
	t      testing.TB
	n      *core.Network
	blocks map[string]*core.Block
	tips   map[string]Tip
}

// NewForks returns a tree of genesis alone.
func NewForks(t testing.TB, n *core.Network) *Forks {
	return &Forks{
		t: t, n: n,
		blocks: map[string]*core.Block{"genesis": n.GenesisBlock()},
		tips:   map[string]Tip{"genesis": Genesis(n)},
	}
}

// Next mines a block of this name on a named parent. Blocks of different names differ, even with the
// same parent and messages.
func (f *Forks) Next(parent, name string, msgs ...*core.Message) *core.Block {
	f.t.Helper()
	return f.NextWith(parent, name, func(*core.Header) {}, msgs...)
}

// NextWith is Next with the header edited before it is sealed.
func (f *Forks) NextWith(parent, name string, edit func(*core.Header), msgs ...*core.Message) *core.Block {
	f.t.Helper()
	if _, taken := f.blocks[name]; taken {
		f.t.Fatalf("block %q stands twice in the tree", name)
	}
	tip := f.Tip(parent)
	seed := sha256.Sum256([]byte(name))
	b := NextWith(f.t, f.n, tip, func(h *core.Header) {
		h.Nonce = uint64(binary.BigEndian.Uint32(seed[:])) // starts the search elsewhere
		edit(h)
	}, msgs...)
	f.blocks[name], f.tips[name] = b, tip.After(b)
	return b
}

// Chain mines blocks of these names, each on the one before it, the first on parent. Every block
// holds one message whose text is its name.
func (f *Forks) Chain(parent string, names ...string) []*core.Block {
	f.t.Helper()
	out := make([]*core.Block, len(names))
	for i, name := range names {
		out[i] = f.Next(parent, name, Message(f.t, f.n, Key(0), name))
		parent = name
	}
	return out
}

// Names returns prefix and each number from first to last, for Chain: Names("a", 1, 3) is a1 a2 a3.
func Names(prefix string, first, last int) []string {
	var out []string
	for i := first; i <= last; i++ {
		out = append(out, fmt.Sprintf("%s%d", prefix, i))
	}
	return out
}

// Block returns a named block.
func (f *Forks) Block(name string) *core.Block {
	f.t.Helper()
	b, ok := f.blocks[name]
	if !ok {
		f.t.Fatalf("no block %q in the tree", name)
	}
	return b
}

// Tip returns a named block as a parent.
func (f *Forks) Tip(name string) Tip {
	f.t.Helper()
	f.Block(name)
	return f.tips[name]
}

// Hash returns the hash of a named block.
func (f *Forks) Hash(name string) core.Hash {
	f.t.Helper()
	return f.Tip(name).Hash
}

// Headers returns the headers of blocks.
func Headers(blocks []*core.Block) []core.Header {
	out := make([]core.Header, len(blocks))
	for i, b := range blocks {
		out[i] = b.Header
	}
	return out
}
