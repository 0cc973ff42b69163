package proof

import (
	"encoding/binary"
	"errors"
	"flag"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "rewrite the golden proofs in testdata")

// A world is a chain in memory that proofs are made from, in which any rule can be broken.
type world struct {
	t      testing.TB
	n      *core.Network
	blocks []*core.Block // genesis first
	hashes []core.Hash
	leaves map[core.Hash][]core.Leaf
	waits  []*core.Message
	edits  map[uint64]edit // by the height that the block has by its place
}

func newWorld(t testing.TB, n *core.Network) *world {
	return &world{t: t, n: n, blocks: []*core.Block{n.GenesisBlock()}, hashes: []core.Hash{n.Genesis}, leaves: make(map[core.Hash][]core.Leaf)}
}

// tip returns what the next block is built on.
func (w *world) tip() coretest.Tip {
	last := len(w.blocks) - 1
	tip := coretest.Tip{Hash: w.hashes[last], Header: w.blocks[last].Header}
	for _, h := range w.hashes {
		tip.History = tip.History.Append(h)
	}
	return tip
}

// add appends a block as it is.
func (w *world) add(b *core.Block) *core.Block {
	w.blocks = append(w.blocks, b)
	w.hashes = append(w.hashes, b.Header.Hash())
	return b
}

// next mines a block that holds these messages, one block interval after its parent. The edits of its
// height, if there are any, come before the search for a nonce and after it.
func (w *world) next(msgs ...*core.Message) *core.Block {
	w.t.Helper()
	return w.nextWith(func(*core.Header) {}, msgs...)
}

func (w *world) nextWith(edit func(*core.Header), msgs ...*core.Message) *core.Block {
	w.t.Helper()
	parent := w.tip()
	step := w.n.Params.BlockIntervalMS
	if step == 0 {
		step = 1000
	}
	b := &core.Block{Messages: msgs}
	b.Header = core.Header{
		MessageCount: uint32(len(msgs)), Height: parent.Header.Height + 1, PreviousHash: parent.Hash,
		MessageRoot: core.MessageRoot(b.Leaves()), HistoryRoot: parent.History.Root(),
		TimeMS: parent.Header.TimeMS + step, BusyMS: uint32(w.n.Params.BlockIntervalMS),
		Bits: consensus.NextBits(w.n, &parent.Header),
	}
	h := &b.Header
	h.Work, _ = consensus.ChildWork(&parent.Header, h.Bits)
	edit(h)
	if before := w.edits[uint64(len(w.blocks))].before; before != nil {
		before(h)
	}
	w.seal(&parent.Header, h)
	if last := w.edits[uint64(len(w.blocks))].last; last != nil {
		last(h)
	}
	return w.add(b)
}

// An edit breaks a header.
type edit struct {
	before func(*core.Header) // the proof of work is searched
	last   func(*core.Header)
}

// seal searches a nonce from h.Nonce upwards, or from the next one that is known to fit. Where the bits
// are no target, or one that is out of reach, there is none.
func (w *world) seal(parent, h *core.Header) {
	w.t.Helper()
	if w.n.Params.Pow == core.PowClassic {
		coretest.Seal(w.t, w.n, parent, h)
		return
	}
	target, err := h.Bits.Target()
	if err != nil || target.Cmp(core.DifficultyTarget(7)) < 0 {
		return
	}
	for !target.MetBy(h.Hash()) {
		h.Nonce++
	}
}

// grow appends valid blocks, each with a message where the network asks for one.
func (w *world) grow(count int) {
	w.t.Helper()
	for range count {
		var msgs []*core.Message
		if w.n.Params.Pow == core.PowClassic {
			msgs = coretest.Messages(w.t, w.n, w.tip().Hash.String(), 1)
		}
		w.next(msgs...)
	}
}

// unsealed makes a nonce whose hash no network allows.
func unsealed(h *core.Header) {
	for core.DifficultyTarget(1).MetBy(h.Hash()) {
		h.Nonce++
	}
}

func (w *world) View(f func(View) error) error { return f(w) }

func (w *world) Network() *core.Network { return w.n }

func (w *world) Height() (uint64, error) { return uint64(len(w.blocks) - 1), nil }

var errNotHere = errors.New("not here")

func (w *world) HashAt(height uint64) (core.Hash, error) {
	if height >= uint64(len(w.hashes)) {
		return core.Hash{}, errNotHere
	}
	return w.hashes[height], nil
}

func (w *world) Header(block core.Hash) (core.Header, bool, error) {
	for i, h := range w.hashes {
		if h == block {
			return w.blocks[i].Header, true, nil
		}
	}
	return core.Header{}, false, nil
}

// HistoryNode is the definition of the tree, and slow.
func (w *world) HistoryNode(level int, index uint64) (core.Hash, error) {
	if level == 0 {
		h, err := w.HashAt(index)
		return core.LeafHash(h[:]), err
	}
	left, err1 := w.HistoryNode(level-1, 2*index)
	right, err2 := w.HistoryNode(level-1, 2*index+1)
	return nodeHash(left, right), errors.Join(err1, err2)
}

func (w *world) Leaves(block core.Hash) ([]core.Leaf, error) {
	if leaves := w.leaves[block]; leaves != nil {
		return leaves, nil
	}
	for i, h := range w.hashes {
		if h == block {
			return w.blocks[i].Leaves(), nil
		}
	}
	return nil, errNotHere
}

func (w *world) Place(id core.Hash) (core.Hash, int, bool, error) {
	for i, b := range w.blocks {
		leaves, err := w.Leaves(w.hashes[i])
		if err != nil {
			return core.Hash{}, 0, false, err
		}
		for at := range leaves {
			if leaves[at].ID == id {
				return b.Header.Hash(), at, true, nil
			}
		}
	}
	return core.Hash{}, 0, false, nil
}

func (w *world) Message(id core.Hash) (*core.Message, error) {
	for _, b := range append(w.blocks, &core.Block{Messages: w.waits}) {
		for _, m := range b.Messages {
			if m.ID == id {
				again := *m
				return &again, nil
			}
		}
	}
	return nil, errNotHere
}

// nextLarge appends a block of count leaves, of which all but the message's are of messages that nobody
// has.
func (w *world) nextLarge(m *core.Message, position, count int) {
	w.t.Helper()
	leaves := make([]core.Leaf, count)
	for i := range leaves {
		binary.BigEndian.PutUint32(leaves[i].ID[:], uint32(i))
	}
	leaves[position] = m.Leaf()
	b := w.nextWith(func(h *core.Header) {
		h.MessageCount, h.MessageRoot = uint32(count), core.MessageRoot(leaves)
	}, m)
	w.leaves[b.Header.Hash()] = leaves
}

// prove makes the proof of a message and fails the test where that is not possible.
func (w *world) prove(m *core.Message) *Proof {
	w.t.Helper()
	p, err := Build(w, m.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}
