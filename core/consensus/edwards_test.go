package consensus

import (
	"crypto/sha512"
	"math/big"
	"slices"
)

// This is Ed25519 written out from RFC 8032 with math/big: slow, plain, and independent of the
// library that judges signatures, so that the two can be held against each other.

// A plainCurve is edwards25519: −x² + y² = 1 + d·x²·y² modulo p = 2²⁵⁵ − 19, with base point base of
// prime order l.
type plainCurve struct {
	p, l, d, sqrtM1 *big.Int
	base            point
}

// A point is in affine coordinates.
type point struct{ x, y *big.Int }

func newCurve() *plainCurve {
	c := &plainCurve{p: new(big.Int).Lsh(big.NewInt(1), 255), l: new(big.Int).Lsh(big.NewInt(1), 252)}
	c.p.Sub(c.p, big.NewInt(19))
	tail, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	c.l.Add(c.l, tail)
	c.d = c.mul(big.NewInt(-121665), c.inverse(big.NewInt(121666)))
	quarter := new(big.Int).Rsh(c.p, 2) // (p − 1) / 4
	c.sqrtM1 = new(big.Int).Exp(big.NewInt(2), quarter, c.p)
	y := c.mul(big.NewInt(4), c.inverse(big.NewInt(5)))
	x, _ := c.recoverX(y, 0)
	c.base = point{x, y}
	return c
}

func (c *plainCurve) mul(a, b *big.Int) *big.Int {
	out := new(big.Int).Mul(a, b)
	return out.Mod(out, c.p)
}

func (c *plainCurve) inverse(a *big.Int) *big.Int {
	return new(big.Int).ModInverse(new(big.Int).Mod(a, c.p), c.p)
}

func (c *plainCurve) identity() point { return point{new(big.Int), big.NewInt(1)} }

// add is the complete addition law, with one inversion for both of its denominators.
func (c *plainCurve) add(a, b point) point {
	one := big.NewInt(1)
	xx, yy := c.mul(a.x, b.x), c.mul(a.y, b.y)
	dxy := c.mul(c.d, c.mul(xx, yy))
	plus, minus := new(big.Int).Add(one, dxy), new(big.Int).Sub(one, dxy)
	inverse := c.inverse(c.mul(plus, minus))
	x := new(big.Int).Add(c.mul(a.x, b.y), c.mul(a.y, b.x))
	y := new(big.Int).Add(yy, xx)
	return point{c.mul(x, c.mul(minus, inverse)), c.mul(y, c.mul(plus, inverse))}
}

func (c *plainCurve) scale(k *big.Int, a point) point {
	out := c.identity()
	for i := k.BitLen() - 1; i >= 0; i-- {
		out = c.add(out, out)
		if k.Bit(i) == 1 {
			out = c.add(out, a)
		}
	}
	return out
}

func (c *plainCurve) equal(a, b point) bool { return a.x.Cmp(b.x) == 0 && a.y.Cmp(b.y) == 0 }

func (c *plainCurve) smallOrder(a point) bool {
	return c.equal(c.scale(big.NewInt(8), a), c.identity())
}

// recoverX solves the curve's equation for x with this lowest bit.
func (c *plainCurve) recoverX(y *big.Int, sign uint) (*big.Int, bool) {
	yy := c.mul(y, y)
	num := new(big.Int).Sub(yy, big.NewInt(1))
	den := new(big.Int).Add(c.mul(c.d, yy), big.NewInt(1))
	want := c.mul(num, c.inverse(den))
	exp := new(big.Int).Rsh(new(big.Int).Add(c.p, big.NewInt(3)), 3)
	x := new(big.Int).Exp(want, exp, c.p)
	if c.mul(x, x).Cmp(want) != 0 {
		x = c.mul(x, c.sqrtM1)
	}
	if c.mul(x, x).Cmp(want) != 0 || x.Sign() == 0 && sign == 1 {
		return nil, false
	}
	if x.Bit(0) != sign {
		x.Sub(c.p, x)
	}
	return x, true
}

func (c *plainCurve) encode(a point) []byte {
	out := a.y.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	out[31] |= byte(a.x.Bit(0)) << 7
	return out
}

// decode accepts the one canonical encoding of a point.
func (c *plainCurve) decode(b []byte) (point, bool) {
	sign := uint(b[31] >> 7)
	y := littleEndian(b)
	y.SetBit(y, 255, 0)
	if y.Cmp(c.p) >= 0 {
		return point{}, false
	}
	x, ok := c.recoverX(y, sign)
	return point{x, y}, ok
}

func littleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// challenge is k = SHA-512(R ‖ A ‖ signed) mod L.
func (c *plainCurve) challenge(r, a, signed []byte) *big.Int {
	sum := sha512.Sum512(slices.Concat(r, a, signed))
	k := littleEndian(sum[:])
	return k.Mod(k, c.l)
}

// verify is docs/proof-format.md, section 3, to the letter: [8][S]B = [8]R + [8][k]A with S < L, A and R canonically
// encoded and A not of small order.
func (c *plainCurve) verify(author, signed, signature []byte) bool {
	a, okA := c.decode(author)
	r, okR := c.decode(signature[:32])
	s := littleEndian(signature[32:])
	if !okA || !okR || s.Cmp(c.l) >= 0 || c.smallOrder(a) {
		return false
	}
	k := c.challenge(signature[:32], author, signed)
	eight := big.NewInt(8)
	left := c.scale(eight, c.scale(s, c.base))
	right := c.add(c.scale(eight, r), c.scale(eight, c.scale(k, a)))
	return c.equal(left, right)
}

// torsion returns the eight points of small order: multiples of one of order 8, found by
// multiplying points of any order by l.
func (c *plainCurve) torsion() []point {
	for y := int64(2); ; y++ {
		x, ok := c.recoverX(big.NewInt(y), 0)
		if !ok {
			continue
		}
		t := c.scale(c.l, point{x, big.NewInt(y)})
		if c.equal(c.scale(big.NewInt(4), t), c.identity()) {
			continue
		}
		out := []point{c.identity()}
		for len(out) < 8 {
			out = append(out, c.add(out[len(out)-1], t))
		}
		return out
	}
}
