package scan

import (
	"encoding/binary"
	"math/bits"

	"p2pchain/core/miner/internal/scan/layout"
)

// initialState returns what SHA-256 starts from (FIPS 180-4, section 5.3.3).
func initialState() [8]uint32 {
	return [8]uint32{
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	}
}

// compress is the SHA-256 compression function (FIPS 180-4, section 6.2.2). It runs twice for each
// block template, so it is written to be read.
func compress(state *[8]uint32, block []byte) {
	var w [64]uint32
	for i := range 16 {
		w[i] = binary.BigEndian.Uint32(block[4*i:])
	}
	for i := 16; i < 64; i++ {
		w[i] = sigma1(w[i-2]) + w[i-7] + sigma0(w[i-15]) + w[i-16]
	}
	s := *state
	for i := range 64 {
		round(&s, layout.K(i)+w[i])
	}
	for i := range state {
		state[i] += s[i]
	}
}

// round does one of the 64 steps, with the sum of round constant and message word.
func round(s *[8]uint32, kw uint32) {
	a, e := s[0], s[4]
	ch := e&s[5] ^ ^e&s[6]
	maj := a&s[1] ^ a&s[2] ^ s[1]&s[2]
	t1 := s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ch + kw
	t2 := (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + maj
	*s = [8]uint32{t1 + t2, a, s[1], s[2], s[3] + t1, e, s[5], s[6]}
}

func sigma0(x uint32) uint32 { return rotr(x, 7) ^ rotr(x, 18) ^ x>>3 }
func sigma1(x uint32) uint32 { return rotr(x, 17) ^ rotr(x, 19) ^ x>>10 }

func rotr(x uint32, n int) uint32 { return bits.RotateLeft32(x, -n) }

// prepare computes what the assembly needs of the header: all that does not depend on the nonce.
func (s *Scanner) prepare() {
	var w [20]uint32 // the message words; 4 and 5 are the nonce
	for i := range 4 {
		w[i] = binary.BigEndian.Uint32(s.tail[4*i:])
	}
	w[6], w[15] = 1<<31, layout.PaddedLength
	for i := 16; i < 19; i++ {
		w[i] = sigma1(w[i-2]) + w[i-7] + sigma0(w[i-15]) + w[i-16]
	}
	p := &s.prepared
	p[layout.W4+2] = w[6]
	p[layout.First], p[layout.Limit] = s.state[0], s.limit
	state := s.state
	for i := range 4 {
		round(&state, layout.K(i)+w[i])
	}
	for i, from := range []int{5, 4, 1, 0} { // the order in which SHA256RNDS2 wants them
		p[layout.ABEF+i] = state[from]
		p[layout.CDGH+i] = state[from+2]
	}
	copy(p[layout.W13:], w[13:17])
	copy(p[layout.W16:], w[16:20])
	for i := range 3 {
		p[layout.KW16+i] = w[16+i] + layout.K(16+i)
		p[layout.Msg12+i] = w[12+i] + sigma0(w[13+i])
	}
	p[layout.Msg12+3] = w[15] + sigma0(w[16])
	// Word 19 has the high half of the nonce in it: setHigh completes what depends on it.
}

// setHigh puts the high half of the nonces that are tried next into what is prepared.
func (s *Scanner) setHigh(high uint32) {
	p := &s.prepared
	p[layout.W4] = high
	w3, w17 := binary.BigEndian.Uint32(s.tail[12:]), p[layout.W16+1]
	w19 := sigma1(w17) + sigma0(high) + w3 // word 12 is padding, zero
	p[layout.W16+3] = w19
	p[layout.KW16+3] = w19 + layout.K(19)
}
