package core

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
)

// ErrWorkOverflow means that a sum of work passes 2¹²⁸ − 1.
var ErrWorkOverflow = errors.New("work over 128 bits")

// maxWorkDigits is the number of decimal digits of 2¹²⁸ − 1.
const maxWorkDigits = 39

// Work is an expected number of hashes as an unsigned 128-bit integer.
type Work struct{ hi, lo uint64 }

// NewWork returns hi·2⁶⁴ + lo.
func NewWork(hi, lo uint64) Work { return Work{hi, lo} }

// DecodeWork reads 16 big-endian bytes.
func DecodeWork(b [16]byte) Work {
	return Work{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Bytes returns 16 big-endian bytes.
func (w Work) Bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return b
}

// Add returns w + x, or ErrWorkOverflow.
func (w Work) Add(x Work) (Work, error) {
	lo, carry := bits.Add64(w.lo, x.lo, 0)
	hi, over := bits.Add64(w.hi, x.hi, carry)
	if over != 0 {
		return Work{}, ErrWorkOverflow
	}
	return Work{hi, lo}, nil
}

// Sub returns w − x, or zero where x is larger.
func (w Work) Sub(x Work) Work {
	if w.Cmp(x) <= 0 {
		return Work{}
	}
	lo, borrow := bits.Sub64(w.lo, x.lo, 0)
	hi, _ := bits.Sub64(w.hi, x.hi, borrow)
	return Work{hi, lo}
}

// Mul returns w · n, at most 2¹²⁸ − 1.
func (w Work) Mul(n uint64) Work {
	carry, lo := bits.Mul64(w.lo, n)
	over, hi := bits.Mul64(w.hi, n)
	hi, c := bits.Add64(hi, carry, 0)
	if over != 0 || c != 0 {
		return Work{1<<64 - 1, 1<<64 - 1}
	}
	return Work{hi, lo}
}

// Cmp compares two amounts of work: -1, 0 or +1.
func (w Work) Cmp(x Work) int {
	switch {
	case w == x:
		return 0
	case w.hi < x.hi || (w.hi == x.hi && w.lo < x.lo):
		return -1
	}
	return 1
}

// Big returns the value as a new big.Int.
func (w Work) Big() *big.Int {
	b := w.Bytes()
	return new(big.Int).SetBytes(b[:])
}

// Float returns the nearest float64, for display and rates.
func (w Work) Float() float64 { return float64(w.hi)*(1<<64) + float64(w.lo) }

// String returns decimal digits.
func (w Work) String() string { return w.Big().String() }

// MarshalText returns decimal digits: as a JSON string, since work may pass 2⁵³.
func (w Work) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (w *Work) UnmarshalText(text []byte) error {
	if len(text) > maxWorkDigits {
		return ErrWorkOverflow
	}
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok || n.Sign() < 0 || n.String() != string(text) {
		return errors.New("work: not a decimal number")
	}
	if n.BitLen() > 128 {
		return ErrWorkOverflow
	}
	var b [16]byte
	n.FillBytes(b[:])
	*w = DecodeWork(b)
	return nil
}
