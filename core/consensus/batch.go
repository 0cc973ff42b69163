package consensus

import (
	"crypto/rand"
	"crypto/sha512"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"p2pchain/core"
)

// zSize is the size in bytes of the random factors of a batch: a batch with a bad signature passes
// with a probability of 2^-128.
const zSize = 16

// A batch is the sum of the verification equations of many signatures, each times a random z:
//
//	[8]( [-Σ z·S]B + Σ [z]R + Σ [Σ z·k]A ) = 0
//
// where the inner sum of the last term is over the signatures of one author, since a few authors write
// most messages: so a signature costs one point of half the length instead of two, and no key is
// decompressed twice. It is the equation of CheckSignature for each, so a good batch has good
// signatures only; a bad one says nothing about any.
type batch struct {
	scalars []scalar.Scalar
	points  []curve.EdwardsPoint
	authors map[core.PublicKey]int // where the point of an author stands
}

// verifyBatch reports whether all signatures are good. False may also mean that it cannot tell.
func verifyBatch(msgs []*core.Message) bool {
	b := batch{
		scalars: make([]scalar.Scalar, 1, 2*len(msgs)+1),
		points:  make([]curve.EdwardsPoint, 1, 2*len(msgs)+1),
		authors: make(map[core.PublicKey]int),
	}
	b.points[0].Set(curve.ED25519_BASEPOINT_POINT)
	random := make([]byte, zSize*len(msgs))
	rand.Read(random) // never fails: it ends the process instead
	for i, m := range msgs {
		if !b.add(m, random[i*zSize:(i+1)*zSize]) {
			return false
		}
	}
	b.scalars[0].Neg(&b.scalars[0])
	scalars, points := make([]*scalar.Scalar, len(b.scalars)), make([]*curve.EdwardsPoint, len(b.points))
	for i := range scalars {
		scalars[i], points[i] = &b.scalars[i], &b.points[i]
	}
	var sum curve.EdwardsPoint
	return sum.MultiscalarMulVartime(scalars, points).IsSmallOrder()
}

// add takes a signature in, and reports whether its parts have the right form.
func (b *batch) add(m *core.Message, random []byte) bool {
	r, s := m.Signature[:32], m.Signature[32:]
	if !scalar.ScMinimalVartime(s) {
		return false
	}
	author, ok := b.author(&m.Author)
	if !ok {
		return false
	}
	at, ok := b.point(r)
	if !ok {
		return false
	}
	var wide [zSize * 2]byte
	copy(wide[:], random)
	z := &b.scalars[at]
	var sum, k scalar.Scalar
	if _, err := z.SetBits(wide[:]); err != nil {
		return false
	}
	if _, err := sum.SetCanonicalBytes(s); err != nil {
		return false
	}
	b.scalars[0].Add(&b.scalars[0], sum.Mul(z, &sum))
	var signed [32 + 32 + core.HashSize]byte
	copy(signed[:], r)
	copy(signed[32:], m.Author[:])
	copy(signed[64:], m.ID[:])
	hash := sha512.Sum512(signed[:])
	if _, err := k.SetBytesModOrderWide(hash[:]); err != nil {
		return false
	}
	b.scalars[author].Add(&b.scalars[author], k.Mul(z, &k))
	return true
}

// author returns where the point of a key stands, which must not be of small order.
func (b *batch) author(key *core.PublicKey) (int, bool) {
	if at, ok := b.authors[*key]; ok {
		return at, true
	}
	at, ok := b.point(key[:])
	if !ok || b.points[at].IsSmallOrder() {
		return 0, false
	}
	b.authors[*key] = at
	return at, true
}

// point adds a point, which must be in its canonical form, with a scalar of 0.
func (b *batch) point(encoded []byte) (int, bool) {
	var compressed curve.CompressedEdwardsY
	if _, err := compressed.SetBytes(encoded); err != nil || !compressed.IsCanonicalVartime() {
		return 0, false
	}
	b.points = append(b.points, curve.EdwardsPoint{})
	b.scalars = append(b.scalars, scalar.Scalar{})
	at := len(b.points) - 1
	_, err := b.points[at].SetCompressedY(&compressed)
	return at, err == nil
}
