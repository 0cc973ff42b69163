package store

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// A wish whose message is not here excuses a body that is missing, also after a restart, and what comes
// without it is erased at once; the wish of somebody else, or about a wish, excuses nothing.
func TestClaimExcuses(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 3)
	asks := wish(t, n, coretest.Key(0), m[0].ID)
	ofWish := wish(t, n, coretest.Key(0), m[2].ID)
	if s.Excused(m[0]) {
		t.Error("excused before anybody asked")
	}
	claim := func() {
		t.Helper()
		err := s.Claim([]*core.Message{asks, wish(t, n, coretest.Key(1), m[1].ID), wish(t, n, coretest.Key(0), ofWish.ID), m[2]})
		if err != nil || s.claims.Load() != 3 {
			t.Errorf("Claim: %v, %d claims", err, s.claims.Load())
		}
	}
	claim()
	claim() // again
	honour := func(want int) {
		t.Helper()
		sum := 0
		for more := true; more; {
			n, again, err := s.HonourClaims(early, 100)
			if err != nil {
				t.Fatal(err)
			}
			sum, more = sum+n, again
		}
		if sum != want {
			t.Errorf("%d claims honoured, want %d", sum, want)
		}
	}
	honour(0)
	check(t, s)
	closeNow(t, s)
	s = open(t, n, fs)
	for _, tt := range []struct {
		name string
		of   *core.Message
		want bool
	}{{"its author", m[0], true}, {"another author", m[1], false}, {"no wish", m[2], false}, {"a wish", ofWish, false}} {
		if got := s.Excused(tt.of); got != tt.want {
			t.Errorf("%s: Excused = %v", tt.name, got)
		}
	}
	young := branch(t, n, coretest.Genesis(n), []*core.Message{bare(m[0])})
	connect(t, s, young...)
	honour(1)
	if e := erasure(t, s, m[0].ID); e == nil || !e.Settled || !e.ByAuthor || e.Message != asks.ID {
		t.Errorf("erasure = %+v", e)
	}
	if gaps := s.Bodies().Gaps; gaps != 0 || !s.Excused(m[0]) || !s.Refuses(m[0]) {
		t.Errorf("%d gaps, excused %v, refused %v", gaps, s.Excused(m[0]), s.Refuses(m[0]))
	}
	check(t, s)
}

// An author's wish takes the place of an operator's, and excuses where the body is still here; nothing takes
// the place of an author's.
func TestAuthorBeforeOperator(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Message(t, n, coretest.Key(0), "m")
	connect(t, s, branch(t, n, coretest.Genesis(n), []*core.Message{m})...)
	erase(t, s, early, m)
	if s.Excused(m) {
		t.Error("an operator's mark on a body that is here excuses")
	}
	before := s.Epoch()
	byAuthor := erasing(early+1, m)
	byAuthor[0].ByAuthor, byAuthor[0].Message = true, core.Hash{1}
	other := byAuthor[0]
	other.Message = core.Hash{2}
	if n, err := s.Erase(byAuthor[0], other); n != 0 || err != nil {
		t.Errorf("Erase = %d, %v", n, err)
	}
	if n, err := s.Erase(erasing(early+2, m)...); n != 0 || err != nil {
		t.Errorf("Erase = %d, %v", n, err)
	}
	e := erasure(t, s, m.ID)
	if e == nil || !e.ByAuthor || e.Message != (core.Hash{1}) || e.Settled || e.TimeMS != early || s.Epoch() != before+1 || !s.Excused(m) {
		t.Errorf("erasure = %+v, epoch %d after %d, excused %v", e, s.Epoch(), before, s.Excused(m))
	}
	check(t, s)
}
