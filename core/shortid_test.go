package core_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"testing"

	"p2pchain/core"
)

// The vector is SipHash-2-4's own (Aumasson and Bernstein, appendix A, and the reference code's list):
// key 00 … 0f; of the 32 bytes 00 … 1f it gives 7127512f72f27cce.
func TestShortID(t *testing.T) {
	var block, leaf core.Hash
	for i := range leaf {
		block[i], leaf[i] = byte(i-16), byte(i)
	}
	key := core.ShortKeyOf(block)
	id := key.ID(&leaf)
	if want := core.ShortID(0x7127512f72f27cce & (1<<48 - 1)); id != want {
		t.Errorf("ID = %012x, want %012x", id, want)
	}
	b := id.Append(nil)
	if got := hex.EncodeToString(b); got != "512f72f27cce" {
		t.Errorf("Append = %s, want 512f72f27cce", got)
	}
	if got := core.DecodeShortID([core.ShortIDSize]byte(b)); got != id {
		t.Errorf("DecodeShortID = %x, want %x", got, id)
	}
}

// The rule is written out once more, by the paper, so that a change of the library would show.
func TestShortIDAgainstThePaper(t *testing.T) {
	var block, leaf core.Hash
	for i := range 200 {
		block[31-i%16] ^= byte(i*7 + 1)
		leaf[i%32] ^= byte(i*13 + 5)
		want := sipHash24(block[16:], leaf[:]) & (1<<48 - 1)
		if got := core.ShortKeyOf(block).ID(&leaf); uint64(got) != want {
			t.Fatalf("ID(%x, %x) = %x, want %x", block, leaf, got, want)
		}
	}
}

func sipHash24(key, data []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[8:])
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	round := func() {
		v[0] += v[1]
		v[2] += v[3]
		v[1] = bits.RotateLeft64(v[1], 13) ^ v[0]
		v[3] = bits.RotateLeft64(v[3], 16) ^ v[2]
		v[0] = bits.RotateLeft64(v[0], 32)
		v[2] += v[1]
		v[0] += v[3]
		v[1] = bits.RotateLeft64(v[1], 17) ^ v[2]
		v[3] = bits.RotateLeft64(v[3], 21) ^ v[0]
		v[2] = bits.RotateLeft64(v[2], 32)
	}
	words := make([]uint64, 0, len(data)/8+1)
	for i := 0; i+8 <= len(data); i += 8 {
		words = append(words, binary.LittleEndian.Uint64(data[i:]))
	}
	words = append(words, uint64(len(data))<<56) // data is a multiple of 8 bytes here
	for _, w := range words {
		v[3] ^= w
		round()
		round()
		v[0] ^= w
	}
	v[2] ^= 0xff
	for range 4 {
		round()
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}
