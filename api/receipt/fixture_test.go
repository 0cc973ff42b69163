package receipt_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"p2pchain/api/receipt"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/proof"
)

var errNotThere = errors.New("not there")

// A fixture is a chain in memory that proofs are made from: 12 blocks on genesis, of which the fifth has
// seven messages (of one where the network allows no more).
type fixture struct {
	t      testing.TB
	n      *core.Network
	blocks []*core.Block // genesis first
	hashes []core.Hash
}

// inBlock5 makes the chain whose fifth block holds a message with this payload as its third; it names
// block 3 as seen. The edit comes before it is signed.
func inBlock5(t testing.TB, n *core.Network, mediaType, payload string) (*fixture, core.Hash) {
	t.Helper()
	f := &fixture{t: t, n: n, blocks: []*core.Block{n.GenesisBlock()}, hashes: []core.Hash{n.Genesis}}
	tip := coretest.Genesis(n)
	var id core.Hash
	for height := range 12 {
		msgs := coretest.Messages(t, n, tip.Hash.String(), 1)
		if height == 4 {
			m := coretest.MessageWith(t, n, coretest.Key(7), payload, func(m *core.Message) {
				m.Seen, m.MediaType, m.TimeMS = f.hashes[3], mediaType, tip.Header.TimeMS+50
			})
			id = m.ID
			if n.Params.MaxBlockMessages > 1 {
				msgs = coretest.Messages(t, n, tip.Hash.String(), 7)
				msgs[2] = m
			} else {
				msgs[0] = m
			}
		}
		b := coretest.Next(t, n, tip, msgs...)
		tip = tip.After(b)
		f.blocks, f.hashes = append(f.blocks, b), append(f.hashes, tip.Hash)
	}
	return f, id
}

// proofOf returns the proof of a message with this payload on the network for tests.
func proofOf(t testing.TB, mediaType, payload string) *proof.Proof {
	t.Helper()
	f, id := inBlock5(t, coretest.Network(t), mediaType, payload)
	p, err := proof.Build(f, id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t testing.TB, p *proof.Proof) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := receipt.Write(&out, p, receipt.Options{}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (f *fixture) View(read func(proof.View) error) error { return read(f) }

func (f *fixture) Network() *core.Network { return f.n }

func (f *fixture) Height() (uint64, error) { return uint64(len(f.blocks) - 1), nil }

func (f *fixture) HashAt(height uint64) (core.Hash, error) { return f.hashes[height], nil }

func (f *fixture) Header(block core.Hash) (core.Header, bool, error) {
	i := slices.Index(f.hashes, block)
	if i < 0 {
		return core.Header{}, false, nil
	}
	return f.blocks[i].Header, true, nil
}

func (f *fixture) HistoryNode(level int, index uint64) (core.Hash, error) {
	var tree core.Frontier
	for _, hash := range f.hashes[index<<level : (index+1)<<level] {
		tree = tree.Append(hash)
	}
	return tree.Root(), nil
}

func (f *fixture) Leaves(block core.Hash) ([]core.Leaf, error) {
	return f.blocks[slices.Index(f.hashes, block)].Leaves(), nil
}

func (f *fixture) Place(id core.Hash) (block core.Hash, position int, ok bool, err error) {
	for i, b := range f.blocks {
		if at := slices.IndexFunc(b.Messages, func(m *core.Message) bool { return m.ID == id }); at >= 0 {
			return f.hashes[i], at, true, nil
		}
	}
	return core.Hash{}, 0, false, nil
}

func (f *fixture) Message(id core.Hash) (*core.Message, error) {
	for _, b := range f.blocks {
		for _, m := range b.Messages {
			if m.ID == id {
				copied := *m
				return &copied, nil
			}
		}
	}
	return nil, errNotThere
}

// networkOf returns the network of a proof.
func networkOf(t testing.TB, p *proof.Proof) *core.Network {
	t.Helper()
	n, err := core.NewNetwork(p.Params)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
