package core

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// HeaderSize is the size of an encoded header in bytes.
	HeaderSize = 152
	// HeaderVersion is the only version of a header, "p2c1".
	HeaderVersion = 0x70326331
	// MaxTimeMS is the last millisecond of the year 9999, the largest time of any field.
	MaxTimeMS = 253402300799999
)

// ErrMalformed means that bytes do not have the form of what they should be. Every decoder of this
// package wraps it.
var ErrMalformed = errors.New("malformed")

// A Header is the part of a block that the proof of work covers. It commits to the messages of its
// block by MessageRoot and to every earlier block by HistoryRoot.
type Header struct {
	MessageCount uint32
	Height       uint64
	PreviousHash Hash   // hash of the parent
	MessageRoot  Hash   // RFC 6962 tree over the block's leaves
	HistoryRoot  Hash   // RFC 6962 tree over the hashes of blocks 0 … height − 1
	Work         Work   // of the whole chain up to and including this block
	TimeMS       uint64 // by the miner's clock
	BusyMS       uint32 // for how long the miner had something to seal
	Bits         Bits
	Nonce        uint64 // the seeds' "proof"
}

// Encode returns the 152 bytes of the header (docs/formats.md). All that a miner changes lies in
// the last 24 of them.
func (h *Header) Encode() (b [HeaderSize]byte) {
	work := h.Work.Bytes()
	binary.BigEndian.PutUint32(b[0:], HeaderVersion)
	binary.BigEndian.PutUint32(b[4:], h.MessageCount)
	binary.BigEndian.PutUint64(b[8:], h.Height)
	copy(b[16:], h.PreviousHash[:])
	copy(b[48:], h.MessageRoot[:])
	copy(b[80:], h.HistoryRoot[:])
	copy(b[112:], work[:])
	binary.BigEndian.PutUint64(b[128:], h.TimeMS)
	binary.BigEndian.PutUint32(b[136:], h.BusyMS)
	binary.BigEndian.PutUint32(b[140:], uint32(h.Bits))
	binary.BigEndian.PutUint64(b[144:], h.Nonce)
	return b
}

// Hash returns the block hash, the SHA-256 of the encoded header.
func (h *Header) Hash() Hash {
	b := h.Encode()
	return sha256.Sum256(b[:])
}

// DecodeHeader reads exactly HeaderSize bytes; errors wrap ErrMalformed.
func DecodeHeader(b []byte) (Header, error) {
	if len(b) != HeaderSize {
		return Header{}, fmt.Errorf("header of %d bytes, want %d: %w", len(b), HeaderSize, ErrMalformed)
	}
	if v := binary.BigEndian.Uint32(b); v != HeaderVersion {
		return Header{}, fmt.Errorf("header version %08x: %w", v, ErrMalformed)
	}
	return Header{
		MessageCount: binary.BigEndian.Uint32(b[4:]),
		Height:       binary.BigEndian.Uint64(b[8:]),
		PreviousHash: Hash(b[16:48]),
		MessageRoot:  Hash(b[48:80]),
		HistoryRoot:  Hash(b[80:112]),
		Work:         DecodeWork([16]byte(b[112:128])),
		TimeMS:       binary.BigEndian.Uint64(b[128:]),
		BusyMS:       binary.BigEndian.Uint32(b[136:]),
		Bits:         Bits(binary.BigEndian.Uint32(b[140:])),
		Nonce:        binary.BigEndian.Uint64(b[144:]),
	}, nil
}
