package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/consensus"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// ErrMixed means that proofs of several networks were given.
var ErrMixed = errors.New("proofs of several networks")

// A Source is where anchors came from without a node, for people.
type Source struct {
	Network *core.Network
	Height  uint64    // of the last block that was read
	Block   core.Hash // its hash
	Proofs  int       // that were read
}

// AddChain takes in all anchors of a whole chain file, and holds every block to all rules: what it adds is
// as sure as the chain that ends with the block it returns. Errors are of the file, of a rule, or of ctx.
func (c *Collection) AddChain(ctx context.Context, r io.Reader) (Source, error) {
	in, err := chainfile.NewReader(r)
	if err != nil {
		return Source{}, err
	}
	n := in.Network()
	parent, hash := n.Header, n.Genesis
	history := core.Frontier{}.Append(hash)
	for {
		if err := ctx.Err(); err != nil {
			return Source{}, err
		}
		line, h, err := in.Next()
		if err == io.EOF {
			return Source{Network: n, Height: parent.Height, Block: hash}, nil
		}
		if err != nil {
			return Source{}, err
		}
		if h.Height != parent.Height+1 {
			return Source{}, fmt.Errorf("it goes on with block %d after block %d: a whole chain file is needed: %w", h.Height, parent.Height, chainfile.ErrUnverified)
		}
		if err := consensus.CheckHeader(n, &parent, hash, history, &h); err != nil {
			return Source{}, &chainfile.LineError{Line: in.Line(), Err: err}
		}
		parent, hash = h, h.Hash()
		history = history.Append(hash)
		if !bytes.Contains(line, []byte(document.AnchorType)) {
			continue
		}
		if err := c.addLine(n, line, hash); err != nil {
			return Source{}, &chainfile.LineError{Line: in.Line(), Err: err}
		}
	}
}

// addLine takes in the anchors of a block.
func (c *Collection) addLine(n *core.Network, line chainfile.Line, hash core.Hash) error {
	b, err := line.Block(n)
	if err == nil {
		err = consensus.CheckBlock(n, b)
	}
	if err != nil {
		return err
	}
	at := Place{Height: b.Header.Height, Block: hash, BlockTime: Moment(b.Header.TimeMS)}
	for _, m := range b.Messages {
		c.AddMessage(m, at)
	}
	return nil
}

// AddMessage takes in a message if it is an anchor.
func (c *Collection) AddMessage(m *core.Message, at Place) {
	switch {
	case m.Type() != document.AnchorType:
	case m.Body == nil:
		c.Erased++
	default:
		c.Add(m.Body.Payload, m.ID, m.Author, at)
	}
}

// AddProof takes in the anchor of a proof that holds; one of another message adds nothing. An error is a
// *proof.Fault.
func (c *Collection) AddProof(file []byte) (*proof.Statement, error) {
	p, err := proof.Decode(file)
	if err != nil {
		return nil, err
	}
	s, err := p.Verify()
	if err != nil {
		return nil, err
	}
	c.AddMessage(s.Message, Place{Height: s.Block.Height, Block: s.BlockHash, BlockTime: Moment(s.Block.TimeMS)})
	return s, nil
}

// Take notes what a proof was of. ErrMixed where it is of another network than those before.
func (s *Source) Take(of *proof.Statement) error {
	if s.Network != nil && s.Network.Genesis != of.Network.Genesis {
		return fmt.Errorf("%w: %v and %v", ErrMixed, s.Network, of.Network)
	}
	s.Network = of.Network
	s.Proofs++
	if of.Block.Height >= s.Height {
		s.Height, s.Block = of.Block.Height, of.BlockHash
	}
	return nil
}
