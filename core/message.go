package core

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// ErrBodyMismatch means that a body is not the one that its envelope commits to. It says something
// about who sent the bytes, never about the block.
var ErrBodyMismatch = errors.New("body does not fit the envelope's commitment")

const signatureSize = 64

// MaxMessageSize is the largest size of an encoded message on any network, in bytes.
const MaxMessageSize = envelopeFixed + MaxMediaType + signatureSize + SaltSize + MaxPayload

// A Body is the part of a message that a node may drop later.
type Body struct {
	Salt    [SaltSize]byte
	Payload []byte
}

// A Message is what an author adds to the log. ID always equals Envelope.ID on the message's
// network: DecodeMessage and Compose keep it so, and whoever changes an envelope sets it anew.
type Message struct {
	ID Hash
	Envelope
	Signature Signature
	Body      *Body // nil where the body was dropped
}

// DecodeMessage reads envelope ‖ signature ‖ body, with or without a body, for the network with this
// genesis hash. Errors wrap ErrMalformed. The body's commitment and the signature are not judged:
// see CheckBody and core/consensus. The message does not hold on to b.
func DecodeMessage(genesis Hash, b []byte) (*Message, error) {
	e, rest, err := DecodeEnvelope(b)
	if err != nil {
		return nil, err
	}
	if len(rest) < signatureSize {
		return nil, fmt.Errorf("message of %d bytes: %w", len(b), ErrMalformed)
	}
	m := &Message{ID: e.ID(genesis), Envelope: e, Signature: Signature(rest[:signatureSize])}
	m.Body, err = DecodeBody(&m.Envelope, rest[signatureSize:])
	return m, err
}

// DecodeBody reads salt ‖ payload for this envelope, or nothing; errors wrap ErrMalformed.
func DecodeBody(e *Envelope, b []byte) (*Body, error) {
	switch {
	case len(b) == 0:
		return nil, nil
	case len(b) != SaltSize+int(e.PayloadSize):
		return nil, fmt.Errorf("body of %d bytes, want %d: %w", len(b), SaltSize+int(e.PayloadSize), ErrMalformed)
	}
	return &Body{Salt: [SaltSize]byte(b), Payload: append([]byte{}, b[SaltSize:]...)}, nil
}

// Append appends salt ‖ payload to dst.
func (b *Body) Append(dst []byte) []byte { return append(append(dst, b.Salt[:]...), b.Payload...) }

// Append appends envelope ‖ signature ‖ body to dst.
func (m *Message) Append(dst []byte) []byte {
	dst = append(m.Envelope.Append(dst), m.Signature[:]...)
	if m.Body != nil {
		dst = m.Body.Append(dst)
	}
	return dst
}

// Bytes returns the encoded message.
func (m *Message) Bytes() []byte { return m.Append(make([]byte, 0, m.Size())) }

// Size returns what the message counts for in a block and in a mempool: its bytes with its body,
// whether it has one or not.
func (m *Message) Size() int {
	return m.Envelope.Size() + signatureSize + SaltSize + int(m.PayloadSize)
}

// CheckBody returns ErrBodyMismatch for a body that does not fit the envelope; a dropped body fits.
func (m *Message) CheckBody() error {
	if m.Body == nil {
		return nil
	}
	if len(m.Body.Payload) != int(m.PayloadSize) || Commit(m.Body.Salt, m.Body.Payload) != m.Commitment {
		return ErrBodyMismatch
	}
	return nil
}

// Leaf returns what a block's message root is made of.
func (m *Message) Leaf() Leaf { return Leaf{m.ID, m.Signature} }

// A Draft is what an author decides about a message before it is signed.
type Draft struct {
	TimeMS    uint64
	Seen      Hash // usually the author's tip
	MediaType string
	Payload   []byte
}

// Compose makes, stamps and signs a message. Salt and nonce are random; where the network asks for
// a stamp this tries 2^stamp_bits nonces on average. A payload or media type over the network's
// limits is ErrMalformed.
func Compose(n *Network, key ed25519.PrivateKey, d Draft) (*Message, error) {
	if err := checkMediaType(d.MediaType); err != nil {
		return nil, err
	}
	if len(d.Payload) > n.Params.MaxPayloadBytes {
		return nil, fmt.Errorf("payload of %d bytes, at most %d: %w", len(d.Payload), n.Params.MaxPayloadBytes, ErrMalformed)
	}
	if d.TimeMS > MaxTimeMS {
		return nil, fmt.Errorf("time %d: %w", d.TimeMS, ErrMalformed)
	}
	if d.MediaType == DefaultMediaType {
		d.MediaType = "" // one spelling, and the shorter one
	}
	var random [SaltSize + 8]byte
	rand.Read(random[:]) // never fails: it ends the process instead
	body := &Body{Salt: [SaltSize]byte(random[:SaltSize]), Payload: d.Payload}
	m := &Message{Body: body, Envelope: Envelope{
		Author:      PublicKey(key.Public().(ed25519.PublicKey)),
		TimeMS:      d.TimeMS,
		Seen:        d.Seen,
		Nonce:       binary.BigEndian.Uint64(random[SaltSize:]),
		MediaType:   d.MediaType,
		PayloadSize: uint32(len(d.Payload)),
		Commitment:  Commit(body.Salt, d.Payload),
	}}
	for m.ID = m.Envelope.ID(n.Genesis); !Stamped(m.ID, n.Params.StampBits); m.ID = m.Envelope.ID(n.Genesis) {
		m.Nonce++
	}
	m.Signature = Signature(ed25519.Sign(key, m.ID[:]))
	return m, nil
}

// Stamped reports whether an id starts with at least this many zero bits.
func Stamped(id Hash, stampBits int) bool {
	return bits.LeadingZeros64(binary.BigEndian.Uint64(id[:8])) >= stampBits
}
