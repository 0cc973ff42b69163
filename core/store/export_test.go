package store

import "p2pchain/core"

// Block returns a stored block, decoded.
func (s *Store) Block(hash core.Hash) (*core.Block, error) {
	raw, err := s.Raw(hash)
	if err != nil {
		return nil, err
	}
	return raw.Decode(s.network.Genesis)
}
