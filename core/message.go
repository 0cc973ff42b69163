package core

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
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
	m := new(Message)
	body, err := m.decode(genesis, b)
	if err != nil {
		return nil, err
	}
	m.Body, err = DecodeBody(&m.Envelope, body)
	return m, err
}

// DecodeMessages is DecodeMessage for messages that live and die together, as those of a block do:
// they share few pieces of memory, so whoever keeps one keeps them all.
func DecodeMessages(genesis Hash, encoded [][]byte) ([]*Message, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	size := 0
	for _, b := range encoded {
		size += max(0, len(b)-envelopeFixed-signatureSize-SaltSize)
	}
	out, payloads := make([]*Message, len(encoded)), make([]byte, 0, size)
	messages, bodies := make([]Message, len(encoded)), make([]Body, len(encoded))
	for i, b := range encoded {
		m, body := &messages[i], &bodies[i]
		rest, err := m.decode(genesis, b)
		if err != nil {
			return nil, err
		}
		switch has, err := m.splitBody(rest); {
		case err != nil:
			return nil, err
		case has:
			from := len(payloads)
			payloads = append(payloads, rest[SaltSize:]...)
			body.Salt, body.Payload = [SaltSize]byte(rest), payloads[from:len(payloads):len(payloads)]
			m.Body = body
		}
		out[i] = m
	}
	return out, nil
}

// decode reads all but the body, of which it returns the bytes.
func (m *Message) decode(genesis Hash, b []byte) (body []byte, err error) {
	e, rest, err := DecodeEnvelope(b)
	if err != nil {
		return nil, err
	}
	if len(rest) < signatureSize {
		return nil, fmt.Errorf("message of %d bytes: %w", len(b), ErrMalformed)
	}
	m.Envelope, m.Signature = e, Signature(rest[:signatureSize])
	m.ID = m.Envelope.ID(genesis)
	return rest[signatureSize:], nil
}

// splitBody reports whether there is a body, which then has the right size.
func (e *Envelope) splitBody(b []byte) (bool, error) {
	if len(b) != 0 && len(b) != SaltSize+int(e.PayloadSize) {
		return false, fmt.Errorf("body of %d bytes, want %d: %w", len(b), SaltSize+int(e.PayloadSize), ErrMalformed)
	}
	return len(b) > 0, nil
}

// DecodeBody reads salt ‖ payload for this envelope, or nothing; errors wrap ErrMalformed.
func DecodeBody(e *Envelope, b []byte) (*Body, error) {
	if has, err := e.splitBody(b); err != nil || !has {
		return nil, err
	}
	return &Body{Salt: [SaltSize]byte(b), Payload: append([]byte{}, b[SaltSize:]...)}, nil
}

// Resign replaces the signature in the bytes of a message. An author may sign one envelope more than
// once, and what a block commits to is the signature in its leaf.
func Resign(message []byte, s Signature) error {
	if len(message) < envelopeFixed {
		return fmt.Errorf("message of %d bytes: %w", len(message), ErrMalformed)
	}
	from := envelopeFixed + int(message[mediaSizeAt])
	if len(message) < from+signatureSize {
		return fmt.Errorf("message of %d bytes: %w", len(message), ErrMalformed)
	}
	copy(message[from:], s[:])
	return nil
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
	// The same bytes as by crypto/ed25519, in half of its time.
	m.Signature = Signature(voi.Sign(voi.PrivateKey(key), m.ID[:]))
	return m, nil
}

// Stamped reports whether an id starts with at least this many zero bits.
func Stamped(id Hash, stampBits int) bool {
	return bits.LeadingZeros64(binary.BigEndian.Uint64(id[:8])) >= stampBits
}
