package store

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/mempool"
)

// early is a time at which no block is settled by its age, and late one at which all are.
const (
	early = 2001
	late  = 2000 + settledAgeMS
)

// wish is an author's message that asks to forget another one.
func wish(t testing.TB, n *core.Network, key ed25519.PrivateKey, target core.Hash) *core.Message {
	t.Helper()
	return coretest.MessageWith(t, n, key, string(target[:]), func(m *core.Message) { m.MediaType = document.EraseType })
}

// tall is a chain of blocks with these messages in the first ones, and empty ones on top.
func tall(t testing.TB, n *core.Network, height int, lists ...[]*core.Message) []*core.Block {
	t.Helper()
	for len(lists) < height {
		lists = append(lists, nil)
	}
	return branch(t, n, coretest.Genesis(n), lists...)
}

func erasing(nowMS uint64, msgs ...*core.Message) []chain.Erasure {
	var list []chain.Erasure
	for _, m := range msgs {
		list = append(list, chain.Erasure{ID: m.ID, TimeMS: nowMS, Author: m.Author})
	}
	return list
}

func erase(t testing.TB, s *Store, nowMS uint64, msgs ...*core.Message) {
	t.Helper()
	if n, err := s.Erase(erasing(nowMS, msgs...)...); err != nil || n != len(msgs) {
		t.Fatalf("Erase = %d, %v, want %d", n, err, len(msgs))
	}
}

// bodies tells which of some messages have their bodies.
func bodies(t testing.TB, s *Store, msgs ...*core.Message) []bool {
	t.Helper()
	out := make([]bool, len(msgs))
	for i, m := range msgs {
		got, err := s.Message(m.ID)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = got.Body != nil
		if got.ID != m.ID || got.Envelope != m.Envelope || got.Signature != m.Signature {
			t.Errorf("message %v is another one", m.ID)
		}
	}
	return out
}

// erasure returns how a message was erased.
func erasure(t testing.TB, s *Store, id core.Hash) *chain.Erasure {
	t.Helper()
	found, err := s.Erased(id)
	if err != nil {
		t.Fatal(err)
	}
	return found[0]
}

// Only settled bodies go at once: by depth, or by age. The others go when they are settled.
func TestEraseSettledOnly(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 6)
	accept(t, s, true, mempool.Accepted, m...)
	blocks := tall(t, n, 8, m[:2], m[2:3], m[3:4])
	connect(t, s, blocks...)
	if _, err := s.Erase(chain.Erasure{ID: core.Hash{9}}); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("Erase of nothing = %v, want ErrNotFound", err)
	}
	if s.Epoch() != 0 {
		t.Errorf("Epoch = %d before anything happened", s.Epoch())
	}
	erase(t, s, early, m[0], m[2], m[3], m[4]) // blocks 1, 2 (six on top), 3 (five), waiting
	if got := bodies(t, s, m...); !slices.Equal(got, []bool{false, true, false, true, true, true}) {
		t.Errorf("bodies are there: %v", got)
	}
	for _, x := range []*core.Message{m[0], m[2], m[3], m[4]} {
		if e := erasure(t, s, x.ID); e == nil || e.TimeMS != early || e.Author != x.Author || e.Settled != (x == m[0] || x == m[2]) {
			t.Errorf("Erased = %+v", e)
		}
	}
	if erasure(t, s, m[1].ID) != nil {
		t.Error("another message counts as erased")
	}
	epoch := s.Epoch()
	if n, err := s.Erase(erasing(late, m[0], m[3])...); n != 0 || err != nil || s.Epoch() != epoch {
		t.Errorf("Erase again = %d, %v, epoch %d, want nothing new and %d", n, err, s.Epoch(), epoch)
	}
	if n, err := s.DropErased(early); n != 0 || err != nil {
		t.Errorf("DropErased = %d, %v, want 0", n, err)
	}
	if n, err := s.DropErased(late - 1); n != 0 || err != nil {
		t.Errorf("DropErased one millisecond before = %d, %v, want 0", n, err)
	}
	if n, err := s.DropErased(late); n != 1 || err != nil || s.Epoch() == epoch {
		t.Errorf("DropErased = %d, %v, want 1 and another epoch", n, err)
	}
	if got := bodies(t, s, m[3], m[4]); !slices.Equal(got, []bool{false, true}) {
		t.Errorf("bodies are there: %v", got)
	}
	list, err := s.ErasuresBefore(3, 2)
	if err != nil || len(list) != 2 || list[0].ID != m[3].ID || list[0].Number != 2 || list[1].ID != m[2].ID {
		t.Errorf("ErasuresBefore(3, 2) = %+v, %v", list, err)
	}
}

// What was erased for good does not come back, whatever brings it: a block, a peer, a gap that is filled.
func TestErasedStaysAway(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n := coretest.Network(t)
		s := open(t, n, vfs.NewMem(), size)
		m := coretest.Messages(t, n, "m", 12)
		old := tall(t, n, 8, m[:6], m[6:])
		connect(t, s, old...)
		erase(t, s, early, m[0], m[7])
		if got, err := s.Fill(m); got != 0 || err != nil {
			t.Errorf("Fill = %d, %v, want 0", got, err)
		}
		accept(t, s, true, mempool.AlreadySealed, m[0], m[7])
		// A reorg deeper than what is settled gives back what has a body. Another branch may hold the rest
		// again, with bodies, and does not bring them.
		other := branch(t, n, coretest.Genesis(n), m[1:2], nil, m[7:8], nil, nil, nil, nil, nil, nil)
		commit(t, s, reorg(old, other))
		if count, _ := s.WaitingTotals(); count != 9 {
			t.Errorf("%d messages wait, want the 9 with bodies that the branch has not", count)
		}
		accept(t, s, false, mempool.AlreadySealed, m[0])
		if got, err := s.Lookup(m[0].ID); err != nil || got != mempool.AlreadySealed {
			t.Errorf("Lookup of an erased message = %v, %v: nobody need send it", got, err)
		}
		if got := bodies(t, s, m[0], m[1], m[2], m[7]); !slices.Equal(got, []bool{false, true, true, false}) {
			t.Errorf("bodies are there: %v", got)
		}
		if gaps, err := s.Gaps(chain.Place{}, 10); len(gaps) != 0 || err != nil {
			t.Errorf("Gaps = %v, %v, want none: nobody misses what is erased", gaps, err)
		}
		// The old branch is forgotten, and with it the last that is known of message 0. It still is erased.
		var c chain.Change
		for _, b := range slices.Backward(old) {
			c.Forget = append(c.Forget, b.Header.Hash())
		}
		commit(t, s, c)
		if _, err := s.Message(m[0].ID); !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("Message = %v, want ErrNotFound", err)
		}
		accept(t, s, true, mempool.AlreadySealed, m[0])
		connect(t, s, nextOn(t, n, other, m[0]))
		if got := bodies(t, s, m[0]); got[0] {
			t.Error("the body is back")
		}
	})
}

// nextOn is a block on the last one of a branch from genesis.
func nextOn(t testing.TB, n *core.Network, blocks []*core.Block, msgs ...*core.Message) *core.Block {
	t.Helper()
	at := coretest.Genesis(n)
	for _, b := range blocks {
		at = at.After(b)
	}
	return coretest.Next(t, n, at, msgs...)
}

// A message that goes with the last block that held it leaves nothing to do.
func TestErasedSideMessage(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 2)
	side := branch(t, n, coretest.Genesis(n), m[:1])
	commit(t, s, storing(side...))
	erase(t, s, late, m[0])
	if e := erasure(t, s, m[0].ID); e.Settled {
		t.Error("a message that is on no best chain counts as settled")
	}
	commit(t, s, chain.Change{Forget: []core.Hash{side[0].Header.Hash()}})
	if e := erasure(t, s, m[0].ID); e == nil || !e.Settled {
		t.Errorf("erasure = %+v, want one that is settled", e)
	}
	if list, err := s.Dropped(); err != nil || len(list) != 1 {
		t.Errorf("Dropped = %v, %v, want the message: its bytes may be in files", list, err)
	}
}

// An author's wish counts for his own messages, whichever came first, and for nobody else's.
func TestHonourClaims(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	own := coretest.Messages(t, n, "own", 4) // of key 0
	foreign := coretest.Message(t, n, coretest.Key(1), "foreign")
	late1 := coretest.Message(t, n, coretest.Key(0), "comes after the wish")
	first := wish(t, n, coretest.Key(0), own[0].ID)
	wishes := []*core.Message{
		first,
		wish(t, n, coretest.Key(0), foreign.ID),
		wish(t, n, coretest.Key(1), own[1].ID),
		wish(t, n, coretest.Key(0), late1.ID),
		wish(t, n, coretest.Key(0), first.ID), // a wish cannot be forgotten
	}
	connect(t, s, tall(t, n, 8, append(slices.Clone(own), foreign))...)
	accept(t, s, false, mempool.Accepted, wishes...)
	closeNow(t, s) // a kill before anybody looked
	s = open(t, n, fs)
	honour := func(want int) {
		t.Helper()
		if n, more, err := s.HonourClaims(5000, 100); n != want || more || err != nil {
			t.Errorf("HonourClaims = %d, %v, %v, want %d", n, more, err, want)
		}
	}
	honour(1)
	honour(0)
	if e := erasure(t, s, own[0].ID); e == nil || !e.ByAuthor || e.Message != first.ID || !e.Settled || e.TimeMS != 5000 {
		t.Errorf("erasure = %+v", e)
	}
	closeNow(t, s)
	s = open(t, n, fs)
	honour(0)
	accept(t, s, false, mempool.Accepted, late1)
	honour(1)
	if e := erasure(t, s, late1.ID); e == nil || e.Settled {
		t.Errorf("erasure of a waiting message = %+v, want one that is not settled", e)
	}
	for _, id := range []core.Hash{foreign.ID, own[1].ID, first.ID} {
		if e := erasure(t, s, id); e != nil {
			t.Errorf("message %v was erased: %+v", id, e)
		}
	}
	if s.claims.Load() != 0 {
		t.Errorf("%d claims are left", s.claims.Load())
	}
}

// forgetSome leaves something in every table of what is forgotten: of these messages the 21st is in the last
// of four blocks, and the first waits.
func forgetSome(t *testing.T, s *Store, m []*core.Message) {
	t.Helper()
	n := s.network
	erase(t, s, late, m[20])
	erase(t, s, early, m[0])
	accept(t, s, false, mempool.Accepted, wish(t, n, coretest.Key(0), core.Hash{7}))
	connect(t, s, coretest.WithoutBodies(coretest.Next(t, n, tipOf(t, n, s), m[21:24]...)))
}
