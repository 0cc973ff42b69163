package p2ptest

import "p2pchain/core"

// Raw implements exchange.Chain.
func (s *shelf) Raw(hash core.Hash) (*core.RawBlock, error) {
	b, err := s.Block(hash)
	if err != nil {
		return nil, err
	}
	return b.Raw(), nil
}

// Find implements exchange.Chain.
func (s *shelf) Find(id core.Hash) (*core.Message, error) { return s.Message(core.Leaf{ID: id}) }
