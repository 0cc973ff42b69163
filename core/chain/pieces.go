package chain

import (
	"fmt"

	"p2pchain/core"
)

// A Piece is a stored block or, of a large one, some of its messages.
type Piece struct {
	Hash     core.Hash
	Header   core.Header
	From     int // position of the first of Messages in the block
	Messages []Sealed
}

// To returns the position after the last message of the piece.
func (p *Piece) To() int { return p.From + len(p.Messages) }

// Whole reports whether nothing of the block follows the piece.
func (p *Piece) Whole() bool { return p.To() == int(p.Header.MessageCount) }

// Last returns the last message of the piece, which must have one.
func (p *Piece) Last() *Sealed { return &p.Messages[len(p.Messages)-1] }

// A Sealed message is one in a block, with the signature that the block commits to.
type Sealed struct {
	core.Message
	First FirstSeen
	// Erasure is how the message was erased. Whoever shows pieces to people sets it, and takes the body out.
	Erasure *Erasure
}

// FirstSeen is how a message first came to this node.
type FirstSeen struct {
	MS    uint64 // when, by our clock
	Local bool   // somebody added it here; else it came from other nodes only
}

// An Extract says what to read of stored blocks: from a message of the first block on, until one of
// the limits is reached. At least one message, or one block without any, is read in any case.
type Extract struct {
	Blocks   []core.Hash
	From     int  // position of the first message in the first block
	Bare     bool // headers only: each counts as one message
	Messages int  // at most so many; blocks without messages count as one
	Bytes    int  // no more messages once this is reached; headers count, too
}

// Pieces is memory for reading blocks piece by piece, to be used again and again. The zero value is
// ready. What a read left in List is valid until the next one. It is not safe for concurrent use.
type Pieces struct {
	List []Piece

	messages []Sealed
	bodies   []core.Body
	arena    []byte
	first    int // of messages: where the last piece begins
}

// Reset forgets what the last read left.
func (p *Pieces) Reset() {
	p.List, p.messages, p.bodies, p.arena, p.first = p.List[:0], p.messages[:0], p.bodies[:0], p.arena[:0], 0
}

// Begin starts a piece of a block, from the message at a position on.
func (p *Pieces) Begin(hash core.Hash, h *core.Header, from int) {
	p.first = len(p.messages)
	p.List = append(p.List, Piece{Hash: hash, Header: *h, From: from})
}

// Add puts the next message, as it is stored, into the piece that was begun last. Its id and signature
// are those of the block's leaf. It holds on to no byte of raw.
func (p *Pieces) Add(leaf *core.Leaf, raw []byte, first FirstSeen) error {
	envelope, rest, err := core.DecodeEnvelope(raw)
	if err != nil {
		return err
	}
	if len(rest) < len(leaf.Signature) {
		return fmt.Errorf("message of %d bytes: %w", len(raw), core.ErrMalformed)
	}
	p.messages = append(p.messages, Sealed{core.Message{ID: leaf.ID, Envelope: envelope, Signature: leaf.Signature}, first, nil})
	m := &p.messages[len(p.messages)-1]
	switch body := rest[len(leaf.Signature):]; len(body) {
	case 0:
	case core.SaltSize + int(envelope.PayloadSize):
		from := len(p.arena)
		p.arena = append(p.arena, body[core.SaltSize:]...)
		p.bodies = append(p.bodies, core.Body{Salt: [core.SaltSize]byte(body), Payload: p.arena[from:len(p.arena):len(p.arena)]})
		m.Body = &p.bodies[len(p.bodies)-1]
	default:
		return fmt.Errorf("body of %d bytes: %w", len(body), core.ErrMalformed)
	}
	p.List[len(p.List)-1].Messages = p.messages[p.first:]
	return nil
}
