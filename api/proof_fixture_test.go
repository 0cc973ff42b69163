package api_test

import (
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/proof"
)

// provable makes the store of a fixture a source of proofs; its moments last as long as nothing is added.
type provable struct {
	*coretest.MemStore
	network *core.Network
}

func (p provable) View(f func(proof.View) error) error { return f(p) }

func (p provable) Network() *core.Network { return p.network }

func (p provable) Height() (uint64, error) {
	tip, err := p.Tip()
	if err != nil {
		return 0, err
	}
	e, err := p.Entry(tip)
	return e.Header.Height, err
}

func (p provable) Header(block core.Hash) (core.Header, bool, error) {
	e, err := p.Entry(block)
	return e.Header, err == nil, nil
}

func (p provable) HistoryNode(level int, index uint64) (core.Hash, error) {
	var f core.Frontier
	for height := index << level; height < (index+1)<<level; height++ {
		hash, err := p.HashAt(height)
		if err != nil {
			return core.Hash{}, err
		}
		f = f.Append(hash)
	}
	return f.Root(), nil
}

func (p provable) Place(id core.Hash) (core.Hash, int, bool, error) {
	places, err := p.Places(id)
	if err != nil {
		return core.Hash{}, 0, false, err
	}
	for _, at := range places[0] {
		if best, err := p.HashAt(at.Height); err == nil && best == at.Block {
			return at.Block, at.Position, true, nil
		}
	}
	return core.Hash{}, 0, false, nil
}

func (p provable) Message(id core.Hash) (*core.Message, error) {
	m, err := p.MemStore.Message(id)
	if err != nil {
		return nil, chain.ErrNotFound
	}
	own := *m
	return &own, nil
}
