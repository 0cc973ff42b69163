package proof

import (
	"bytes"
	"errors"
	"testing"

	"p2pchain/core"
)

// A proof to a noted block is, byte for byte, the one that was made when that block was the last one, so
// its hash vouches for all that the proof says, however long the chain has become.
func TestBuildTo(t *testing.T) {
	s := newScene(t, withBlocks(at))
	var made [][]byte
	for range 12 {
		made = append(made, s.proof().Encode())
		s.next()
	}
	for i, want := range made {
		height := uint64(at + i)
		p, err := BuildTo(s, s.m.ID, s.hashes[height])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Encode(), want) {
			t.Errorf("to block %d it is another proof than the one that was made there", height)
		}
		says, err := judge(p.Encode())
		if err != nil {
			t.Fatal(err)
		}
		w, ok := says.Anchored(s.hashes[height])
		if !ok || says.Tip.Height != height || w.Confirmations != uint64(i) || w.Work != says.WorkClaimed {
			t.Errorf("to block %d: it ends at %d, and its hash vouches for %+v, %v", height, says.Tip.Height, w, ok)
		}
	}
}

func TestBuildToRefuses(t *testing.T) {
	s := newScene(t)
	before := s.hashes[:at]
	later := newScene(t, withBlocks(lastAt+1)) // the same chain and a block more
	for _, tt := range []struct {
		name string
		last core.Hash
		want error
	}{
		{"the block below", before[at-1], ErrBelowMessage},
		{"genesis", s.n.Genesis, ErrBelowMessage},
		{"a block that is not here", later.hashes[lastAt+1], ErrNotOnChain},
		{"a message", s.m.ID, ErrNotOnChain},
	} {
		if p, err := BuildTo(s, s.m.ID, tt.last); !errors.Is(err, tt.want) || p != nil {
			t.Errorf("%s: %v, %v; want %v", tt.name, p, err, tt.want)
		}
	}
	side := aside{s.world, later.blocks[lastAt+1].Header}
	if _, err := BuildTo(side, s.m.ID, side.hash()); !errors.Is(err, ErrNotOnChain) {
		t.Errorf("a stored block above the tip: %v", err)
	}
	side.other.Height, side.other.Nonce = lastAt, 1
	if _, err := BuildTo(side, s.m.ID, side.hash()); !errors.Is(err, ErrNotOnChain) {
		t.Errorf("a stored block beside the chain: %v", err)
	}
}

// An aside world stores one block that is not on the best chain.
type aside struct {
	*world
	other core.Header
}

func (a aside) hash() core.Hash { return a.other.Hash() }

func (a aside) View(f func(View) error) error { return f(a) }

func (a aside) Header(block core.Hash) (core.Header, bool, error) {
	if block == a.hash() {
		return a.other, true, nil
	}
	return a.world.Header(block)
}
