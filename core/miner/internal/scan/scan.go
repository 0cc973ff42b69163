// Package scan tries the nonces of a block header.
//
// A header is three SHA-256 blocks, and all that a miner changes lies in the last one (see
// docs/formats.md), so a try is one compression from the state that the first two give. Most tries end
// with a look at the first word of the hash; only what passes it is hashed in full and compared.
package scan

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"

	"p2pchain/core"
	"p2pchain/core/miner/internal/scan/layout"
)

const (
	fixedSize = 128 // the bytes of the first two blocks
	tailSize  = core.HeaderSize - fixedSize
)

// A Scanner tries nonces for one target. It is not safe for concurrent use.
type Scanner struct {
	target core.Target
	try    func(s *Scanner, first uint64, count int) int
	header core.Header
	fixed  [fixedSize]byte
	tail   [tailSize]byte
	state  [8]uint32 // after the first two blocks
	limit  uint32    // first word of the target

	portable digest
	saved    []byte // the same state, in portable's own encoding
	prepared [layout.Words]uint32
}

// digest is what crypto/sha256 gives.
type digest interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// A Variant is a way to try nonces that this machine offers.
type Variant struct {
	Name string
	try  func(s *Scanner, first uint64, count int) int
}

// Variants returns what this machine offers, the fastest first.
func Variants() []Variant {
	return append(fastVariants(), Variant{"portable", tryPortable})
}

// New returns a scanner for headers with this target.
func (v Variant) New(target core.Target) *Scanner {
	bytes := target.Bytes()
	return &Scanner{
		target: target, try: v.try,
		limit:    binary.BigEndian.Uint32(bytes[:]),
		portable: sha256.New().(digest), // documented to be all of this
	}
}

// Set makes h the header whose nonces are tried. It is cheap where only time, busy or bits changed.
func (s *Scanner) Set(h *core.Header) {
	b := h.Encode()
	s.header = *h
	s.tail = [tailSize]byte(b[fixedSize:])
	if fixed := [fixedSize]byte(b[:fixedSize]); fixed != s.fixed || s.saved == nil {
		s.fixed = fixed
		s.setState()
	}
	s.prepare()
}

func (s *Scanner) setState() {
	s.state = initialState()
	compress(&s.state, s.fixed[:64])
	compress(&s.state, s.fixed[64:])
	s.portable.Reset()
	s.portable.Write(s.fixed[:])
	saved, err := s.portable.AppendBinary(s.saved[:0])
	if err != nil {
		panic("scan: saving the state of crypto/sha256: " + err.Error())
	}
	s.saved = saved
}

// Scan tries count nonces from first and returns the first that meets the target. It calls no
// function of Go for every single one, so a caller in a loop must see to it that it can be
// pre-empted.
func (s *Scanner) Scan(first uint64, count int) (nonce uint64, found bool) {
	for count > 0 {
		skip := s.try(s, first, count)
		if skip >= count {
			break
		}
		first, count = first+uint64(skip), count-skip
		if s.header.Nonce = first; s.target.MetBy(s.header.Hash()) {
			return first, true
		}
		first, count = first+1, count-1 // only the first word was small enough
	}
	return 0, false
}

// tryPortable returns how many of the nonces come before the first whose hash may meet the target.
func tryPortable(s *Scanner, first uint64, count int) int {
	var sum [sha256.Size]byte
	for i := range count {
		if err := s.portable.UnmarshalBinary(s.saved); err != nil {
			panic("scan: restoring the state of crypto/sha256: " + err.Error())
		}
		binary.BigEndian.PutUint64(s.tail[16:], first+uint64(i))
		s.portable.Write(s.tail[:])
		if binary.BigEndian.Uint32(s.portable.Sum(sum[:0])) <= s.limit {
			return i
		}
	}
	return count
}
