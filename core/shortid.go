package core

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/dchest/siphash"
)

// ShortIDSize is the size of an encoded short id in bytes.
const ShortIDSize = 6

// A ShortID names a message within one block in few bytes: the low 48 bits of SipHash-2-4 of the
// message's leaf hash, under a key that the block's hash gives. Two messages may share one; the
// block's message root tells whether the right ones were taken.
type ShortID uint64

// A ShortKey is the key of the short ids of one block. It is not known before the block is sealed, so
// only its miner can look for messages that share a short id beforehand.
type ShortKey struct{ k0, k1 uint64 }

// ShortKeyOf returns the key for a block: the last 16 bytes of its hash, read as SipHash reads its
// key, which is two little-endian numbers.
func ShortKeyOf(block Hash) ShortKey {
	return ShortKey{binary.LittleEndian.Uint64(block[16:]), binary.LittleEndian.Uint64(block[24:])}
}

// ID returns the short id of a message with this leaf hash.
func (k ShortKey) ID(leaf *Hash) ShortID {
	return ShortID(siphash.Hash(k.k0, k.k1, leaf[:]) & (1<<(8*ShortIDSize) - 1))
}

// Append appends the 6 bytes of the short id, big-endian, to dst.
func (id ShortID) Append(dst []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(id>>32)), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

// DecodeShortID reads the 6 bytes of a short id.
func DecodeShortID(b [ShortIDSize]byte) ShortID {
	return ShortID(binary.BigEndian.Uint16(b[:]))<<32 | ShortID(binary.BigEndian.Uint32(b[2:]))
}

// Hash returns the RFC 6962 hash of the leaf.
func (l *Leaf) Hash() Hash {
	b := l.Bytes()
	return sha256.Sum256(append(make([]byte, 1, 1+LeafSize), b[:]...)) // LeafHash without a hash.Hash
}
