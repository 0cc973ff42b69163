package core

import (
	"encoding/hex"
	"fmt"
)

// A Network is a set of valid parameters with the genesis block that commits to them. It is
// immutable.
type Network struct {
	Params  Params
	Header  Header // of genesis
	Genesis Hash   // of genesis' header
	Floor   Target // the easiest target that the chain may have
}

// NewNetwork derives the genesis block; errors wrap ErrBadParams.
func NewNetwork(p Params) (*Network, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	h := Header{
		MessageRoot: p.Hash(),
		HistoryRoot: Frontier{}.Root(),
		TimeMS:      p.GenesisTimeMS,
		BusyMS:      uint32(p.BlockIntervalMS),
		Bits:        DifficultyTarget(p.Difficulty).Bits(),
	}
	floor, err := h.Bits.Target()
	if err != nil {
		return nil, fmt.Errorf("difficulty %d: %w", p.Difficulty, err)
	}
	return &Network{Params: p, Header: h, Genesis: h.Hash(), Floor: floor}, nil
}

// ID returns the network id, the first 8 bytes of the genesis hash in hex: part of every protocol
// id, topic and mDNS name.
func (n *Network) ID() string { return hex.EncodeToString(n.Genesis[:8]) }

// String returns name and id, as in "main (0123456789abcdef)".
func (n *Network) String() string { return n.Params.Name + " (" + n.ID() + ")" }

// GenesisBlock returns the block of height 0, which has no messages.
func (n *Network) GenesisBlock() *Block { return &Block{Header: n.Header} }
