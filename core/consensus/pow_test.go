package consensus_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// TestClassicVectors holds the proofs that seed 1 finds, trying from 0 up.
func TestClassicVectors(t *testing.T) {
	for _, tt := range []struct {
		previous string
		digits   int
		want     uint64
	}{
		{"None", 1, 1}, {"None", 2, 350}, {"None", 3, 3969}, {"None", 4, 15558}, {"None", 5, 1406000},
		{"1406000", 5, 423135},
	} {
		t.Run(fmt.Sprintf("after %s at %d", tt.previous, tt.digits), func(t *testing.T) {
			parent := classicParent(t, tt.previous)
			proof := uint64(0)
			for !consensus.ClassicMet(consensus.ClassicProof(parent, proof), tt.digits) {
				proof++
			}
			if proof != tt.want {
				t.Errorf("first proof = %d, want %d", proof, tt.want)
			}
		})
	}
}

func classicParent(t *testing.T, previous string) *core.Header {
	t.Helper()
	var parent core.Header
	if previous != "None" {
		parent.Height = 1
		if _, err := fmt.Sscan(previous, &parent.Nonce); err != nil {
			t.Fatal(err)
		}
	}
	return &parent
}

// TestClassicProof writes seed 1's proof of work out with strings, for parents of every kind: the
// proof of genesis is None, a later proof of 0 is "0".
func TestClassicProof(t *testing.T) {
	const largest = 1<<64 - 1
	for _, tt := range []struct {
		height, previous, proof uint64
		want                    string
	}{
		{0, 0, 0, "None0"}, {0, 7, 42, "None42"}, {1, 0, 0, "00"}, {9, 350, 12, "35012"},
		{largest, largest, largest, "1844674407370955161518446744073709551615"},
	} {
		got := consensus.ClassicProof(&core.Header{Height: tt.height, Nonce: tt.previous}, tt.proof)
		if want := core.Hash(sha256.Sum256([]byte(tt.want))); got != want {
			t.Errorf("ClassicProof(height %d, %d, %d) = %v, want SHA-256 of %q", tt.height, tt.previous, tt.proof, got, tt.want)
		}
	}
}

func TestClassicMet(t *testing.T) {
	for zeros := range 65 {
		text := strings.Repeat("a", 64-zeros) + strings.Repeat("0", zeros)
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for digits := range 65 {
			if got, want := consensus.ClassicMet(core.Hash(b), digits), digits <= zeros; got != want {
				t.Errorf("%s has %d zeros: ClassicMet at %d = %v", text, zeros, digits, got)
			}
		}
	}
}

func TestCheckPow(t *testing.T) {
	n := coretest.Network(t)
	classic := coretest.Builtin(t, "classic", func(p *core.Params) { p.Difficulty = 3 })
	target := core.TargetFromBytes([32]byte{0: 0x0f, 1: 0xff, 2: 0xff})
	for _, tt := range []struct {
		name   string
		n      *core.Network
		parent *core.Header
		header core.Header
		want   error
	}{
		{"header, met", n, nil, sealed(t, n, target.Bits(), true), nil},
		{"header, not met", n, nil, sealed(t, n, target.Bits(), false), consensus.ErrHashAboveTarget},
		{"easier than the floor", n, nil, core.Header{Bits: 0x20100000}, consensus.ErrBits},
		{"no target", n, nil, core.Header{Bits: 0}, consensus.ErrBits},
		{"no target, with a sign", n, nil, core.Header{Bits: 0x1e800000}, consensus.ErrBits},
		{"classic, met", classic, &classic.Header, core.Header{Bits: classic.Header.Bits, Nonce: 3969}, nil},
		{"classic, not met", classic, &classic.Header, core.Header{Bits: classic.Header.Bits, Nonce: 3968}, consensus.ErrHashAboveTarget},
		{"classic, on another parent", classic, &core.Header{Height: 1}, core.Header{Bits: classic.Header.Bits, Nonce: 3969}, consensus.ErrHashAboveTarget},
		{"classic, no parent", classic, nil, core.Header{Bits: classic.Header.Bits, Nonce: 3969}, consensus.ErrParentUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := consensus.CheckPow(tt.n, tt.parent, &tt.header); !errors.Is(err, tt.want) {
				t.Errorf("CheckPow = %v, want %v", err, tt.want)
			}
		})
	}
}

// sealed returns a header of these bits whose hash meets its target, or is above it.
func sealed(t *testing.T, n *core.Network, bits core.Bits, meets bool) core.Header {
	t.Helper()
	target, err := bits.Target()
	if err != nil {
		t.Fatal(err)
	}
	h := core.Header{Height: 1, PreviousHash: n.Genesis, Bits: bits}
	for target.MetBy(h.Hash()) != meets {
		h.Nonce++
	}
	return h
}

// TestTargetEdge holds that a hash equal to the target meets it.
func TestTargetEdge(t *testing.T) {
	hash := core.Hash{3: 1}
	for _, tt := range []struct {
		target core.Target
		want   bool
	}{
		{core.TargetFromBytes(hash), true},
		{core.TargetFromBytes([32]byte{3: 1, 31: 1}), true},
		{core.TargetFromBytes([32]byte{4: 0xff, 5: 0xff, 31: 0xff}), false},
	} {
		if got := tt.target.MetBy(hash); got != tt.want {
			t.Errorf("%v.MetBy(%v) = %v", tt.target, hash, got)
		}
	}
}

func TestBetter(t *testing.T) {
	low, high := core.Hash{0: 1, 31: 9}, core.Hash{0: 2, 31: 1}
	less, more := core.NewWork(0, 1<<63), core.NewWork(1, 0)
	for _, tt := range []struct {
		name         string
		aWork, bWork core.Work
		aHash, bHash core.Hash
		want         bool
	}{
		{"more work, higher hash", more, less, high, low, true},
		{"less work, lower hash", less, more, low, high, false},
		{"as much work, lower hash", more, more, low, high, true},
		{"as much work, higher hash", more, more, high, low, false},
		{"itself", more, more, low, low, false},
	} {
		if got := consensus.Better(tt.aWork, tt.aHash, tt.bWork, tt.bHash); got != tt.want {
			t.Errorf("%s: Better = %v", tt.name, got)
		}
	}
}
