package consensus

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// TestSpeccheck holds the rule against the 12 cases of "Taming the many EdDSAs". All of them sign 32
// bytes, so they stand for message ids as they are.
func TestSpeccheck(t *testing.T) {
	var file struct {
		Cases []struct {
			Comment   string `json:"comment"`
			Valid     bool   `json:"valid"`
			Message   string `json:"message"`
			PubKey    string `json:"pub_key"`
			Signature string `json:"signature"`
		} `json:"cases"`
	}
	b, err := os.ReadFile("testdata/speccheck.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 12 {
		t.Fatalf("%d cases, want 12", len(file.Cases))
	}
	plain := newCurve()
	for i, c := range file.Cases {
		t.Run(fmt.Sprintf("%d %s", i, c.Comment), func(t *testing.T) {
			m := &core.Message{ID: core.Hash(unhex(t, c.Message)), Signature: core.Signature(unhex(t, c.Signature))}
			m.Author = core.PublicKey(unhex(t, c.PubKey))
			if got := CheckSignature(m) == nil; got != c.Valid {
				t.Errorf("single: valid = %v, want %v", got, c.Valid)
			}
			if got := verifyBatch([]*core.Message{m}); got != c.Valid {
				t.Errorf("batch: valid = %v, want %v", got, c.Valid)
			}
			if got := plain.verify(m.Author[:], m.ID[:], m.Signature[:]); got != c.Valid {
				t.Errorf("the equation written out: valid = %v, want %v", got, c.Valid)
			}
		})
	}
}

// TestSignatureRule compares single and batch checks with the equation written out, on signatures
// that differ from honest ones in every way that implementations are known to disagree on.
func TestSignatureRule(t *testing.T) {
	f := newForger(random.Source(t))
	for range 1 + 15/slowdown {
		for _, kind := range forgeries() {
			m := kind.make(f)
			want := f.verify(m.Author[:], m.ID[:], m.Signature[:])
			if want != kind.valid {
				t.Fatalf("%s: the equation written out says %v", kind.name, want)
			}
			if got := CheckSignature(m) == nil; got != want {
				t.Errorf("%s: single = %v, want %v: %+v", kind.name, got, want, m)
			}
			if got := verifyBatch([]*core.Message{m}); got != want {
				t.Errorf("%s: batch = %v, want %v: %+v", kind.name, got, want, m)
			}
		}
	}
}

// TestSignaturesAgree checks random mixtures alone, in one batch and in parallel.
func TestSignaturesAgree(t *testing.T) {
	f := newForger(random.Source(t))
	var good, bad []*core.Message
	for range 1 + 12/slowdown {
		for _, kind := range forgeries() {
			if m := kind.make(f); kind.valid {
				good = append(good, m)
			} else {
				bad = append(bad, m)
			}
		}
	}
	for range 10 + 150/slowdown {
		msgs := make([]*core.Message, 1+f.rnd.IntN(3*minBatch))
		for i := range msgs {
			msgs[i] = good[f.rnd.IntN(len(good))]
		}
		for range f.rnd.IntN(3) {
			msgs[f.rnd.IntN(len(msgs))] = bad[f.rnd.IntN(len(bad))]
		}
		first := slices.IndexFunc(msgs, func(m *core.Message) bool { return CheckSignature(m) != nil })
		if got := verifyBatch(msgs); got != (first < 0) {
			t.Fatalf("batch of %d = %v, first bad one is %d", len(msgs), got, first)
		}
		checkNames(t, CheckSignatures(msgs), msgs, first)
	}
}

// TestSignaturesCancel holds that errors which cancel each other are not taken for none.
func TestSignaturesCancel(t *testing.T) {
	f := newForger(random.Source(t))
	one := big.NewInt(1)
	a := f.sign(f.identity(), f.identity(), one)
	b := f.sign(f.identity(), f.identity(), new(big.Int).Neg(one))
	if verifyBatch([]*core.Message{a, b}) {
		t.Error("S + 1 and S − 1 pass as a batch")
	}
}

// TestSignaturesLarge goes through more batches than there are workers.
func TestSignaturesLarge(t *testing.T) {
	f := newForger(random.Source(t))
	m := f.sign(f.identity(), f.identity(), new(big.Int))
	msgs := slices.Repeat([]*core.Message{m}, 2*maxBatch+minBatch)
	checkNames(t, CheckSignatures(msgs), msgs, -1)
	for _, i := range []int{0, maxBatch, len(msgs) - 1} {
		broken := *m
		broken.Signature[40] ^= 1
		msgs := slices.Clone(msgs)
		msgs[i], msgs[len(msgs)-1] = &broken, &broken
		checkNames(t, CheckSignatures(msgs), msgs, i)
	}
	checkNames(t, CheckSignatures(nil), nil, -1)
}

// checkNames holds that an error names the first bad message; first < 0 means that there is none.
func checkNames(t *testing.T, err error, msgs []*core.Message, first int) {
	t.Helper()
	if first < 0 {
		if err != nil {
			t.Fatalf("CheckSignatures of %d = %v, want none", len(msgs), err)
		}
		return
	}
	at, ok := errors.AsType[*MessageError](err)
	if !ok || !errors.Is(err, ErrSignature) || at.Index != first || at.ID != msgs[first].ID {
		t.Fatalf("CheckSignatures of %d = %v, want message %d", len(msgs), err, first)
	}
}

// A forger makes signatures, honest and crafted.
type forger struct {
	*plainCurve
	small []point
	rnd   *rand.Rand
}

func newForger(rnd *rand.Rand) *forger {
	c := newCurve()
	return &forger{c, c.torsion(), rnd}
}

func (f *forger) scalar() *big.Int {
	return littleEndian(f.bytes(31))
}

func (f *forger) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.rnd.Uint32())
	}
	return b
}

// anySmall is one of the eight points of small order.
func (f *forger) anySmall() point { return f.small[f.rnd.IntN(8)] }

// oddSmall is a non-canonical encoding of a point of small order: a sign for x = 0, or y ≥ p.
func (f *forger) oddSmall() []byte {
	enc := make([]byte, 32)
	switch f.rnd.IntN(3) {
	case 0: // y = 1, x = −0
		enc[0], enc[31] = 1, 0x80
	case 1: // y = −1, x = −0
		copy(enc, f.encode(point{new(big.Int), new(big.Int).Sub(f.p, big.NewInt(1))}))
		enc[31] |= 0x80
	default: // y = p or p + 1
		copy(enc, f.encode(point{new(big.Int), new(big.Int).Add(f.p, big.NewInt(f.rnd.Int64N(2)))}))
	}
	return enc
}

// sign makes S = r + k·a + off for A = [a]B + addA and R = [r]B + addR.
func (f *forger) sign(addA, addR point, off *big.Int) *core.Message {
	a, r := f.scalar(), f.scalar()
	encA := f.encode(f.add(f.scale(a, f.base), addA))
	encR := f.encode(f.add(f.scale(r, f.base), addR))
	return f.finish(encA, encR, a, new(big.Int).Add(r, off))
}

// finish fills in S = r + k·a for a random id.
func (f *forger) finish(encA, encR []byte, a, r *big.Int) *core.Message {
	m := &core.Message{ID: core.Hash(f.bytes(32))}
	m.Author = core.PublicKey(encA)
	s := new(big.Int).Mul(f.challenge(encR, encA, m.ID[:]), a)
	s.Mod(s.Add(s, r), f.l)
	f.setS(m, encR, s)
	return m
}

func (f *forger) setS(m *core.Message, encR []byte, s *big.Int) {
	le := s.FillBytes(make([]byte, 32))
	slices.Reverse(le)
	m.Signature = core.Signature(slices.Concat(encR, le))
}

// A forgery is one way to make a signature, and whether the rule accepts it.
type forgery struct {
	name  string
	valid bool
	make  func(f *forger) *core.Message
}

func forgeries() []forgery {
	zero := new(big.Int)
	return []forgery{
		{"honest", true, func(f *forger) *core.Message { return f.sign(f.identity(), f.identity(), zero) }},
		{"mixed A", true, func(f *forger) *core.Message { return f.sign(f.anySmall(), f.identity(), zero) }},
		{"mixed R", true, func(f *forger) *core.Message { return f.sign(f.identity(), f.anySmall(), zero) }},
		{"mixed A and R", true, func(f *forger) *core.Message { return f.sign(f.anySmall(), f.anySmall(), zero) }},
		{"small R", true, func(f *forger) *core.Message {
			a := f.scalar()
			return f.finish(f.encode(f.scale(a, f.base)), f.encode(f.anySmall()), a, zero)
		}},
		{"small R, not canonical", false, func(f *forger) *core.Message {
			a := f.scalar()
			return f.finish(f.encode(f.scale(a, f.base)), f.oddSmall(), a, zero)
		}},
		{"small A", false, func(f *forger) *core.Message {
			r := f.scalar()
			return f.finish(f.encode(f.anySmall()), f.encode(f.scale(r, f.base)), zero, r)
		}},
		{"small A, not canonical", false, func(f *forger) *core.Message {
			r := f.scalar()
			return f.finish(f.oddSmall(), f.encode(f.scale(r, f.base)), zero, r)
		}},
		{"small A and R, S = 0", false, func(f *forger) *core.Message {
			return f.finish(f.encode(f.anySmall()), f.encode(f.anySmall()), zero, zero)
		}},
		{"S + L", false, func(f *forger) *core.Message {
			m := f.sign(f.identity(), f.identity(), zero)
			s := littleEndian(m.Signature[32:])
			f.setS(m, slices.Clone(m.Signature[:32]), s.Add(s, f.l))
			return m
		}},
		{"S + 1", false, func(f *forger) *core.Message { return f.sign(f.identity(), f.identity(), big.NewInt(1)) }},
		{"another id", false, func(f *forger) *core.Message {
			m := f.sign(f.identity(), f.identity(), zero)
			m.ID[f.rnd.IntN(32)] ^= 1 << f.rnd.IntN(8)
			return m
		}},
		{"flipped bit", false, func(f *forger) *core.Message {
			m := f.sign(f.identity(), f.identity(), zero)
			m.Signature[f.rnd.IntN(64)] ^= 1 << f.rnd.IntN(8)
			return m
		}},
		{"random bytes", false, func(f *forger) *core.Message {
			m := &core.Message{ID: core.Hash(f.bytes(32)), Signature: core.Signature(f.bytes(64))}
			m.Author = core.PublicKey(f.bytes(32))
			return m
		}},
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
