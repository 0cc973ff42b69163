package core

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	// EnvelopeVersion is the only version of an envelope.
	EnvelopeVersion = 1
	// MaxMediaType is the largest size of a media type in bytes.
	MaxMediaType = 64
	// MaxPayload is the largest payload that any network may allow, in bytes.
	MaxPayload = 61440
	// DefaultMediaType is what an empty media type stands for.
	DefaultMediaType = "text/plain; charset=utf-8"
	// SaltSize is the size of a body's salt in bytes.
	SaltSize = 16

	envelopeFixed = 118
	mediaSizeAt   = 81 // where the size of the media type stands
	messageTag    = "p2pchain/message/1"
	payloadTag    = "p2pchain/payload/1"

	smallCommit = 1024 // bytes that are hashed in one piece
)

// An Envelope is the signed part of a message. It commits to the payload without holding it, so a
// node may drop a body later while the id, the signature and every proof stay valid.
type Envelope struct {
	Author      PublicKey
	TimeMS      uint64 // by the author's clock, never a rule
	Seen        Hash   // a block that the author had seen: the message is not older
	Nonce       uint64 // random, and the stamp's counter
	MediaType   string // empty means DefaultMediaType
	PayloadSize uint32
	Commitment  Hash // Commit(salt, payload)
}

// Size returns the number of encoded bytes, 118 and the media type.
func (e *Envelope) Size() int { return envelopeFixed + len(e.MediaType) }

// Append appends the encoding of docs/formats.md to dst. The media type must have at most
// MaxMediaType bytes.
func (e *Envelope) Append(dst []byte) []byte {
	dst = append(dst, EnvelopeVersion)
	dst = append(dst, e.Author[:]...)
	dst = binary.BigEndian.AppendUint64(dst, e.TimeMS)
	dst = append(dst, e.Seen[:]...)
	dst = binary.BigEndian.AppendUint64(dst, e.Nonce)
	dst = append(dst, byte(len(e.MediaType)))
	dst = append(dst, e.MediaType...)
	dst = binary.BigEndian.AppendUint32(dst, e.PayloadSize)
	return append(dst, e.Commitment[:]...)
}

// ID returns the message id on the network with this genesis hash:
// SHA-256("p2pchain/message/1" ‖ genesis ‖ envelope).
func (e *Envelope) ID(genesis Hash) Hash {
	buf := make([]byte, 0, len(messageTag)+HashSize+envelopeFixed+MaxMediaType)
	return sha256.Sum256(e.Append(append(append(buf, messageTag...), genesis[:]...)))
}

// Type returns the media type with its default filled in.
func (e *Envelope) Type() string {
	if e.MediaType == "" {
		return DefaultMediaType
	}
	return e.MediaType
}

// DecodeEnvelope reads an envelope from the start of b and returns what follows it; errors wrap
// ErrMalformed.
func DecodeEnvelope(b []byte) (Envelope, []byte, error) {
	if len(b) < envelopeFixed {
		return Envelope{}, nil, fmt.Errorf("envelope of %d bytes: %w", len(b), ErrMalformed)
	}
	if b[0] != EnvelopeVersion {
		return Envelope{}, nil, fmt.Errorf("envelope version %d: %w", b[0], ErrMalformed)
	}
	n := int(b[mediaSizeAt])
	if n > MaxMediaType || len(b) < envelopeFixed+n {
		return Envelope{}, nil, fmt.Errorf("media type of %d bytes: %w", n, ErrMalformed)
	}
	media, rest := b[82:82+n], b[82+n:]
	if err := checkMediaType(string(media)); err != nil {
		return Envelope{}, nil, err
	}
	e := Envelope{
		Author:      PublicKey(b[1:33]),
		TimeMS:      binary.BigEndian.Uint64(b[33:]),
		Seen:        Hash(b[41:73]),
		Nonce:       binary.BigEndian.Uint64(b[73:]),
		MediaType:   string(media),
		PayloadSize: binary.BigEndian.Uint32(rest),
		Commitment:  Hash(rest[4:36]),
	}
	if e.TimeMS > MaxTimeMS || e.PayloadSize > MaxPayload {
		return Envelope{}, nil, fmt.Errorf("time %d, payload of %d bytes: %w", e.TimeMS, e.PayloadSize, ErrMalformed)
	}
	return e, rest[36:], nil
}

// checkMediaType says whether a media type may stand in an envelope.
func checkMediaType(s string) error {
	if len(s) > MaxMediaType {
		return fmt.Errorf("media type of %d bytes, at most %d: %w", len(s), MaxMediaType, ErrMalformed)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return fmt.Errorf("media type with byte %#02x: %w", s[i], ErrMalformed)
		}
	}
	return nil
}

// Commit returns SHA-256("p2pchain/payload/1" ‖ salt ‖ payload). The salt keeps a short payload
// from being guessed after it was erased.
func Commit(salt [SaltSize]byte, payload []byte) Hash {
	if small := len(payloadTag) + SaltSize + len(payload); small <= smallCommit {
		buf := make([]byte, 0, smallCommit) // on the stack, where a hash.Hash is not
		return sha256.Sum256(append(append(append(buf, payloadTag...), salt[:]...), payload...))
	}
	d := sha256.New()
	d.Write([]byte(payloadTag))
	d.Write(salt[:])
	d.Write(payload)
	return Hash(d.Sum(nil))
}
