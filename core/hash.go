package core

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// HashSize is the size of a Hash in bytes.
const HashSize = 32

// ErrBadHex means that a text is not lower-case hex of the wanted size.
var ErrBadHex = errors.New("not lower-case hex of the right length")

// A Hash is a SHA-256 value: a block hash, a message id, a Merkle root or a commitment.
type Hash [HashSize]byte

// ParseHash reads 64 lower-case hex digits; errors wrap ErrBadHex.
func ParseHash(s string) (Hash, error) {
	var h Hash
	err := parseHex(h[:], s)
	return h, err
}

// Compare orders hashes as bytes: -1, 0 or +1.
func (h Hash) Compare(other Hash) int { return bytes.Compare(h[:], other[:]) }

// IsZero reports whether all bytes are zero.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns 64 lower-case hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText returns the same digits as String.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText is ParseHash for encoding packages.
func (h *Hash) UnmarshalText(text []byte) error { return parseHex(h[:], string(text)) }

// A PublicKey is an Ed25519 public key: the author of a message. A libp2p peer id of a node is the
// same key.
type PublicKey [32]byte

// ParsePublicKey reads 64 lower-case hex digits; errors wrap ErrBadHex.
func ParsePublicKey(s string) (PublicKey, error) {
	var k PublicKey
	err := parseHex(k[:], s)
	return k, err
}

// String returns 64 lower-case hex digits.
func (k PublicKey) String() string { return hex.EncodeToString(k[:]) }

// MarshalText returns the same digits as String.
func (k PublicKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText is ParsePublicKey for encoding packages.
func (k *PublicKey) UnmarshalText(text []byte) error { return parseHex(k[:], string(text)) }

// A Signature is an Ed25519 signature over the 32 bytes of a message id.
type Signature [64]byte

// String returns 128 lower-case hex digits.
func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// MarshalText returns the same digits as String.
func (s Signature) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText reads 128 lower-case hex digits; errors wrap ErrBadHex.
func (s *Signature) UnmarshalText(text []byte) error { return parseHex(s[:], string(text)) }

// parseHex fills dst; upper-case digits are refused so that every value has one spelling.
func parseHex(dst []byte, s string) error {
	if len(s) != 2*len(dst) {
		return fmt.Errorf("%d characters, want %d: %w", len(s), 2*len(dst), ErrBadHex)
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("character %d: %w", i, ErrBadHex)
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err
}
