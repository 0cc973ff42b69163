package core_test

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// arithmeticCases is how many random cases each of the two tests takes; the race detector, which
// finds nothing in pure functions, makes each of them thirty times slower.
const arithmeticCases = 1_000_000 / slowdown

// anyBytes returns a big-endian number of a random size, with many bytes at an edge.
func anyBytes(rnd *rand.Rand, b []byte) {
	clear(b)
	edges := [...]byte{0x00, 0x01, 0x7f, 0x80, 0xff}
	plain := rnd.IntN(2) == 0
	for i := rnd.IntN(len(b) + 1); i < len(b); i++ {
		if plain {
			b[i] = byte(rnd.Uint32())
		} else {
			b[i] = edges[rnd.IntN(len(edges))]
		}
	}
}

// A calculator holds big.Ints that are used again, which makes a million cases affordable.
type calculator struct {
	one, limit256, limit128, target, want, tmp big.Int
}

func newCalculator() *calculator {
	c := &calculator{}
	c.one.SetInt64(1)
	c.limit256.Lsh(&c.one, 256)
	c.limit128.Lsh(&c.one, 128)
	return c
}

func TestTargetsAgainstBig(t *testing.T) {
	rnd, c := random.Source(t), newCalculator()
	for range arithmeticCases {
		var b [32]byte
		anyBytes(rnd, b[:])
		target := core.TargetFromBytes(b)
		c.target.SetBytes(b[:])
		if target.Bytes() != b {
			t.Fatalf("%x is read as %v", b, target)
		}
		c.checkBits(t, target)
		c.checkTargetWork(t, target)
		c.checkScale(t, target, rnd.Uint64()>>rnd.IntN(64), 1+rnd.Uint64()>>rnd.IntN(64))
		c.checkMet(t, rnd, target)
		c.checkExpand(t, core.Bits(rnd.Uint32N(40)<<24|rnd.Uint32()>>8>>rnd.IntN(24)))
	}
}

// checkBits compares the compact form of c.target: sign and size as Bitcoin has them.
func (c *calculator) checkBits(t *testing.T, target core.Target) {
	size := uint((c.target.BitLen() + 7) / 8)
	mantissa := c.mantissa(size)
	if mantissa >= 1<<23 {
		size++
		mantissa = c.mantissa(size)
	}
	if want := core.Bits(uint32(size)<<24 | mantissa); target.Bits() != want {
		t.Fatalf("%v.Bits() = %08x, want %08x", target, uint32(target.Bits()), uint32(want))
	}
}

// mantissa returns the highest three of size bytes of c.target.
func (c *calculator) mantissa(size uint) uint32 {
	if size > 3 {
		return uint32(c.tmp.Rsh(&c.target, 8*(size-3)).Uint64())
	}
	return uint32(c.tmp.Lsh(&c.target, 8*(3-size)).Uint64())
}

// checkExpand compares the expansion of any 32 bits, and that only what Bits writes is accepted.
func (c *calculator) checkExpand(t *testing.T, bits core.Bits) {
	size, mantissa := uint(bits>>24), int64(bits&0xffffff)
	c.want.SetInt64(mantissa)
	if size > 3 {
		c.want.Lsh(&c.want, 8*(size-3))
	} else {
		c.want.Rsh(&c.want, 8*(3-size))
	}
	// The one form: positive, no sign bit, the size no larger than it must be, nothing shifted out.
	least := size > 0 && mantissa >= 1<<15
	if size <= 3 {
		least = least && mantissa%(1<<(8*(3-size))) == 0
	}
	valid := least && mantissa < 1<<23 && c.want.BitLen() <= 256
	target, err := bits.Target()
	if (err == nil) != valid {
		t.Fatalf("%08x.Target() = %v, %v; valid = %v", uint32(bits), target, err, valid)
	}
	if b := target.Bytes(); valid && c.tmp.SetBytes(b[:]).Cmp(&c.want) != 0 {
		t.Fatalf("%08x.Target() = %v, want %x", uint32(bits), target, &c.want)
	}
}

func (c *calculator) checkTargetWork(t *testing.T, target core.Target) {
	c.want.Div(&c.limit256, c.tmp.Add(&c.target, &c.one))
	work, err := target.Work()
	if over := c.want.BitLen() > 128; (err != nil) != over {
		t.Fatalf("%v.Work() = %v, %v; want %v", target, work, err, &c.want)
	}
	if b := work.Bytes(); err == nil && c.tmp.SetBytes(b[:]).Cmp(&c.want) != 0 {
		t.Fatalf("%v.Work() = %v, want %v", target, work, &c.want)
	}
}

func (c *calculator) checkScale(t *testing.T, target core.Target, num, den uint64) {
	if den == 0 {
		den = 1
	}
	c.want.Mul(&c.target, c.tmp.SetUint64(num))
	c.want.Div(&c.want, c.tmp.SetUint64(den))
	if c.want.Cmp(&c.limit256) >= 0 {
		c.want.Sub(&c.limit256, &c.one)
	}
	got := target.Scale(num, den)
	if b := got.Bytes(); c.tmp.SetBytes(b[:]).Cmp(&c.want) != 0 {
		t.Fatalf("%v.Scale(%d, %d) = %v, want %x", target, num, den, got, &c.want)
	}
}

func (c *calculator) checkMet(t *testing.T, rnd *rand.Rand, target core.Target) {
	hash := core.Hash(target.Bytes())
	if i := rnd.IntN(64); i < 32 { // else the hash is the target
		hash[i] ^= byte(rnd.Uint32())
	}
	order := c.tmp.SetBytes(hash[:]).Cmp(&c.target)
	if target.MetBy(hash) != (order <= 0) || core.TargetFromBytes(hash).Cmp(target) != order {
		t.Fatalf("%v.MetBy(%v) = %v", target, hash, target.MetBy(hash))
	}
}

func TestWorkAgainstBig(t *testing.T) {
	rnd, c := random.Source(t), newCalculator()
	for i := range arithmeticCases {
		var a, b [16]byte
		anyBytes(rnd, a[:])
		anyBytes(rnd, b[:])
		x, y := core.DecodeWork(a), core.DecodeWork(b)
		if x.Bytes() != a || x != core.NewWork(binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])) {
			t.Fatalf("%x is read as %v", a, x)
		}
		bigX, bigY := new(big.Int).SetBytes(a[:]), c.tmp.SetBytes(b[:])
		if got, want := x.Cmp(y), bigX.Cmp(bigY); got != want {
			t.Fatalf("%v.Cmp(%v) = %d", x, y, got)
		}
		sum, err := x.Add(y)
		c.want.Add(bigX, bigY)
		c.checkWork(t, "sum", x, y, sum, err)
		c.want.Sub(bigX, bigY)
		if c.want.Sign() < 0 {
			c.want.SetInt64(0)
		}
		c.checkWork(t, "difference", x, y, x.Sub(y), nil)
		times := rnd.Uint64() >> rnd.IntN(64)
		c.want.Mul(bigX, c.target.SetUint64(times))
		if c.want.Cmp(&c.limit128) >= 0 {
			c.want.Sub(&c.limit128, &c.one)
		}
		c.checkWork(t, "product", x, core.NewWork(0, times), x.Mul(times), nil)
		if i%16 == 0 { // texts are slow
			checkWorkText(t, x, bigX)
		}
	}
}

// checkWork compares a result with c.want; an error must mean that c.want does not fit.
func (c *calculator) checkWork(t *testing.T, op string, x, y, got core.Work, err error) {
	if over := c.want.Cmp(&c.limit128) >= 0; over != (err != nil) {
		t.Fatalf("%s of %v and %v: %v, want %v", op, x, y, err, &c.want)
	}
	if b := got.Bytes(); err == nil && c.target.SetBytes(b[:]).Cmp(&c.want) != 0 {
		t.Fatalf("%s of %v and %v = %v, want %v", op, x, y, got, &c.want)
	}
}

func checkWorkText(t *testing.T, x core.Work, want *big.Int) {
	if x.Big().Cmp(want) != 0 || x.String() != want.String() {
		t.Fatalf("%x is written as %v", want, x)
	}
	exact, _ := new(big.Float).SetInt(want).Float64()
	if diff := x.Float() - exact; diff > exact*1e-15 || -diff > exact*1e-15 {
		t.Fatalf("%v.Float() = %v, want %v", x, x.Float(), exact)
	}
	var back core.Work
	if err := back.UnmarshalText([]byte(x.String())); err != nil || back != x {
		t.Fatalf("%v is read as %v, %v", x, back, err)
	}
}

// TestDifficultyTarget holds that every hash with that many leading zero digits meets the target,
// and no other.
func TestDifficultyTarget(t *testing.T) {
	for digits := 1; digits <= 16; digits++ {
		target := core.DifficultyTarget(digits)
		most := core.Hash{}
		for i := range most {
			switch {
			case 2*i+1 < digits:
			case 2*i+1 == digits:
				most[i] = 0x0f
			default:
				most[i] = 0xff
			}
		}
		if target.Bytes() != most {
			t.Errorf("DifficultyTarget(%d) = %v, want %v", digits, target, most)
		}
	}
}
