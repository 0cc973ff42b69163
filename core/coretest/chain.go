package coretest

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// classicStepMS is the time between blocks where the network has no block interval.
const classicStepMS = 1000

// A Tip is a block to build on. It converts to chain.Tip with chain.Tip(tip).
type Tip struct {
	Hash    core.Hash
	Header  core.Header
	History core.Frontier // over blocks 0 … Header.Height, both included
}

// Genesis returns the tip of a new chain.
func Genesis(n *core.Network) Tip {
	return Tip{Hash: n.Genesis, Header: n.Header, History: core.Frontier{}.Append(n.Genesis)}
}

// After returns the tip after a block that builds on this one.
func (p Tip) After(b *core.Block) Tip {
	hash := b.Header.Hash()
	return Tip{Hash: hash, Header: b.Header, History: p.History.Append(hash)}
}

// Next returns the mined valid block on parent that holds these messages. Its time is one block
// interval after the parent's, all of it busy, so the target stays what it is.
func Next(t testing.TB, n *core.Network, parent Tip, msgs ...*core.Message) *core.Block {
	t.Helper()
	return NextWith(t, n, parent, func(*core.Header) {}, msgs...)
}

// NextWith is Next with the header edited before it is sealed; a nonce that the edit sets is where
// the search starts, so that two of them give two blocks.
func NextWith(t testing.TB, n *core.Network, parent Tip, edit func(*core.Header), msgs ...*core.Message) *core.Block {
	t.Helper()
	b := &core.Block{Messages: msgs}
	step := n.Params.BlockIntervalMS
	if step == 0 {
		step = classicStepMS
	}
	b.Header = core.Header{
		MessageCount: uint32(len(msgs)),
		Height:       parent.Header.Height + 1,
		PreviousHash: parent.Hash,
		MessageRoot:  core.MessageRoot(b.Leaves()),
		HistoryRoot:  parent.History.Root(),
		TimeMS:       parent.Header.TimeMS + step,
		BusyMS:       uint32(n.Params.BlockIntervalMS),
		Bits:         consensus.NextBits(n, &parent.Header),
	}
	work, err := consensus.ChildWork(&parent.Header, b.Header.Bits)
	if err != nil {
		t.Fatalf("block %d: %v", b.Header.Height, err)
	}
	b.Header.Work = work
	edit(&b.Header)
	Seal(t, n, &parent.Header, &b.Header)
	return b
}

// Chain returns length valid blocks on from, each with perBlock messages that no other block of any
// chain has.
func Chain(t testing.TB, n *core.Network, from Tip, length, perBlock int) []*core.Block {
	t.Helper()
	blocks := make([]*core.Block, length)
	for i := range blocks {
		blocks[i] = Next(t, n, from, Messages(t, n, from.Hash.String(), perBlock)...)
		from = from.After(blocks[i])
	}
	return blocks
}
