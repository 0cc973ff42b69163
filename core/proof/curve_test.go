package proof

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// Signatures on which libraries differ, made by hand: the key is a·B + torsion, R is r·B + torsion.

func sortKeys(keys []core.PublicKey) {
	slices.SortFunc(keys, func(a, b core.PublicKey) int { return bytes.Compare(a[:], b[:]) })
}

func compress(p *curve.EdwardsPoint) [32]byte {
	var c curve.CompressedEdwardsY
	c.SetEdwardsPoint(p)
	return c
}

// multiple returns k·B.
func multiple(k *scalar.Scalar) *curve.EdwardsPoint {
	return curve.NewEdwardsPoint().MulBasepoint(curve.ED25519_BASEPOINT_TABLE, k)
}

// handSign returns R ‖ S with S = r + H(R ‖ A ‖ id)·a.
func handSign(encodedR [32]byte, r, a *scalar.Scalar, author core.PublicKey, id core.Hash) (core.Signature, *scalar.Scalar) {
	digest := sha512.Sum512(slices.Concat(encodedR[:], author[:], id[:]))
	k, err := scalar.NewFromBytesModOrderWide(digest[:])
	if err != nil {
		panic(err)
	}
	s := scalar.New().Mul(k, a)
	s.Add(s, r)
	var sig core.Signature
	copy(sig[:], encodedR[:])
	if err := s.ToBytes(sig[32:]); err != nil {
		panic(err)
	}
	return sig, k
}

// handSigned is a scene whose message has an author and a signature that are made by hand.
func handSigned(t testing.TB, author core.PublicKey, sign func(id core.Hash) core.Signature) *Proof {
	s := &scene{world: newWorld(t, coretest.Network(t))}
	s.grow(at - 1)
	s.m = coretest.MessageWith(t, s.n, coretest.Key(1), "signed by hand", func(m *core.Message) { m.Author, m.Seen = author, s.hashes[seenAt] })
	s.m.Signature = sign(s.m.ID)
	s.next(s.m)
	s.grow(2)
	return s.proof()
}

// mixedOrderKey is a key with a part of order 8. Its signatures hold by the cofactored equation, and
// here not by the one without the cofactor.
func mixedOrderKey(t testing.TB) *Proof {
	a := scalar.NewFromUint64(123456789)
	author := core.PublicKey(compress(curve.NewEdwardsPoint().Add(multiple(a), curve.EIGHT_TORSION[1])))
	return handSigned(t, author, func(id core.Hash) core.Signature {
		for r := uint64(1); ; r++ {
			sig, k := handSign(compress(multiple(scalar.NewFromUint64(r))), scalar.NewFromUint64(r), a, author, id)
			if k.Bits()[0] == 1 { // an odd multiple of the torsion does not vanish
				return sig
			}
		}
	})
}

// smallOrderR is a signature whose R is a point of order 8, which is allowed.
func smallOrderR(t testing.TB) *Proof {
	a := scalar.NewFromUint64(987654321)
	author := core.PublicKey(compress(multiple(a)))
	return handSigned(t, author, func(id core.Hash) core.Signature {
		sig, _ := handSign(compress(curve.EIGHT_TORSION[1]), scalar.New(), a, author, id)
		return sig
	})
}

// lateR signs honestly but for the encoding of R, which stands for the neutral element in a way that is
// not canonical.
func lateR(encodedR [32]byte) func(t testing.TB) *Proof {
	return func(t testing.TB) *Proof {
		a := scalar.NewFromUint64(5555)
		author := core.PublicKey(compress(multiple(a)))
		return handSigned(t, author, func(id core.Hash) core.Signature {
			sig, _ := handSign(encodedR, scalar.New(), a, author, id)
			return sig
		})
	}
}

// anybodysKey has an author of small order, for whom everybody can sign.
func anybodysKey(author [32]byte) func(t testing.TB) *Proof {
	return func(t testing.TB) *Proof {
		return handSigned(t, author, func(id core.Hash) core.Signature {
			r := scalar.NewFromUint64(77)
			sig, _ := handSign(compress(multiple(r)), r, scalar.New(), author, id)
			return sig
		})
	}
}

// plusOrder returns a signature whose S has the order of the base point added: the same number modulo it.
func plusOrder(sig core.Signature) core.Signature {
	order := [32]byte{0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 31: 0x10}
	carry := uint(0)
	for i := range order {
		carry += uint(sig[32+i]) + uint(order[i])
		sig[32+i] = byte(carry)
		carry >>= 8
	}
	return sig
}
