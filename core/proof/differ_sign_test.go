package proof

import (
	"crypto/ed25519"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// sign signs the forger's message: mostly as an author does, else with points of small or mixed order, with
// encodings that are not canonical, or with an S that is too large. Where the network has a list of
// authors, a key made by hand is not on it.
func (f *forger) sign() {
	m := f.p.Message
	id := func() core.Hash {
		if f.n != nil {
			m.ID = m.Envelope.ID(f.n.Genesis)
		}
		return m.ID
	}
	if !f.chance(3) {
		key := coretest.Key(1)
		m.Author = core.PublicKey(key.Public().(ed25519.PublicKey))
		hash := id()
		m.Signature = core.Signature(ed25519.Sign(key, hash[:]))
		return
	}
	a, r := scalar.NewFromUint64(f.rnd.Uint64()>>f.rnd.IntN(64)), scalar.NewFromUint64(f.rnd.Uint64()>>f.rnd.IntN(64))
	encodedR := f.encode(multiple(r))
	m.Author = f.encode(multiple(a))
	m.Signature, _ = handSign(encodedR, r, a, m.Author, id())
	switch f.rnd.IntN(8) {
	case 0:
		m.Signature = plusOrder(m.Signature)
	case 1:
		m.Signature[f.rnd.IntN(64)] ^= 1 << f.rnd.IntN(8)
	}
}

// encode returns the bytes of a point, most often with one of small order added, and sometimes other
// bytes that mean a point to a careless reader, or none at all.
func (f *forger) encode(p *curve.EdwardsPoint) core.PublicKey {
	if f.chance(5) { // a y of p and more, with and without the sign of x; 0, 1, −1 and 2 among them
		late := [32]byte{0xe8 + byte(f.rnd.IntN(24)), 31: 0x7f | byte(f.rnd.IntN(2))<<7}
		for i := 1; i < 31; i++ {
			late[i] = 0xff
		}
		return late
	}
	if f.chance(8) {
		return core.PublicKey{byte(f.rnd.IntN(4)), 31: byte(f.rnd.IntN(2)) << 7}
	}
	return compress(curve.NewEdwardsPoint().Add(p, curve.EIGHT_TORSION[f.rnd.IntN(8)]))
}
