package core

import (
	"errors"
	"fmt"

	"github.com/holiman/uint256"
)

// ErrBadBits means that compact bits are not the one form of a target from 1 to 2²⁵⁶ − 1.
var ErrBadBits = errors.New("compact bits out of form")

// A Target is an unsigned 256-bit integer; a proof of work is a hash ≤ target.
type Target struct{ n uint256.Int }

// Bits is a Target in Bitcoin's compact form (nBits): one byte of size, three of mantissa, whose
// highest bit stays clear. See https://developer.bitcoin.org/reference/block_chain.html#target-nbits.
type Bits uint32

// DifficultyTarget returns 2^(256 − 4·digits) − 1: every hash with that many leading zero hex
// digits is at or below it. Digits are 1 to 16.
func DifficultyTarget(digits int) Target {
	var t Target
	t.n.Lsh(uint256.NewInt(1), uint(256-4*digits))
	t.n.SubUint64(&t.n, 1)
	return t
}

// Target expands the bits. Anything that Target.Bits would not write is ErrBadBits.
func (b Bits) Target() (Target, error) {
	var t Target
	size, mantissa := uint(b>>24), uint64(b&0xffffff)
	if size <= 3 {
		t.n.SetUint64(mantissa >> (8 * (3 - size)))
	} else if size <= 34 {
		t.n.Lsh(uint256.NewInt(mantissa), 8*(size-3))
	}
	if t.n.IsZero() || t.Bits() != b {
		return Target{}, fmt.Errorf("%08x: %w", uint32(b), ErrBadBits)
	}
	return t, nil
}

// Bits returns the compact form; what three bytes of mantissa cannot hold is cut off.
func (t Target) Bits() Bits {
	size := uint(t.n.ByteLen())
	var mantissa uint64
	if size <= 3 {
		mantissa = t.n.Uint64() << (8 * (3 - size))
	} else {
		mantissa = new(uint256.Int).Rsh(&t.n, 8*(size-3)).Uint64()
	}
	if mantissa&0x800000 != 0 { // the highest bit of the mantissa is Bitcoin's sign
		mantissa >>= 8
		size++
	}
	return Bits(uint32(size)<<24 | uint32(mantissa))
}

// MetBy reports whether the hash, read as a big-endian number, is at most the target.
func (t Target) MetBy(h Hash) bool {
	var n uint256.Int
	n.SetBytes32(h[:])
	return !n.Gt(&t.n)
}

// Work returns ⌊2²⁵⁶ / (t + 1)⌋, the expected number of hashes; it is below 2¹²⁸ only for targets
// of at least 2¹²⁸, and ErrWorkOverflow else.
func (t Target) Work() (Work, error) {
	var d, w uint256.Int
	d.AddUint64(&t.n, 1)
	if d.IsZero() {
		return NewWork(0, 1), nil
	}
	// 2²⁵⁶ does not fit, so divide 2²⁵⁶ − d = ^t and add the one that was taken off.
	w.Div(w.Not(&t.n), &d)
	if _, over := w.AddOverflow(&w, uint256.NewInt(1)); over || w.BitLen() > 128 {
		return Work{}, ErrWorkOverflow
	}
	return NewWork(w[1], w[0]), nil
}

// Scale returns ⌊t · num / den⌋, or the largest target where that would not fit. Den must not be 0.
func (t Target) Scale(num, den uint64) Target {
	var out Target
	if _, over := out.n.MulDivOverflow(&t.n, uint256.NewInt(num), uint256.NewInt(den)); over {
		out.n.SetAllOne()
	}
	return out
}

// Cmp compares two targets: -1, 0 or +1. A higher target is easier.
func (t Target) Cmp(other Target) int { return t.n.Cmp(&other.n) }

// Bytes returns 32 big-endian bytes.
func (t Target) Bytes() [32]byte { return t.n.Bytes32() }

// TargetFromBytes reads 32 big-endian bytes.
func TargetFromBytes(b [32]byte) Target {
	var t Target
	t.n.SetBytes32(b[:])
	return t
}

// String returns 64 lower-case hex digits.
func (t Target) String() string { return Hash(t.Bytes()).String() }
