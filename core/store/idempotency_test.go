package store

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

const dayMS = uint64(24 * time.Hour / time.Millisecond)

// acceptNoted accepts messages that come with a note.
func acceptNoted(t testing.TB, s *Store, nowMS uint64, note mempool.Note, msgs ...*core.Message) []mempool.AcceptResult {
	t.Helper()
	for _, m := range msgs {
		note.Messages = append(note.Messages, mempool.NotedResult{ID: m.ID})
	}
	results, err := s.AcceptOwn(msgs, nowMS, mempool.Own{Notes: []*mempool.Note{&note}})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// A note says what became of each message, also after the next start.
func TestNotes(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 4)
	accept(t, s, false, mempool.Accepted, m[0])
	want := mempool.Note{Key: core.Hash{1}, First: 7, Print: core.Hash{2}, Last: true, AtMS: 5 * dayMS, Messages: []mempool.NotedResult{
		{ID: m[0].ID, Result: mempool.AlreadyWaiting}, {ID: m[1].ID}, {ID: m[2].ID, Result: mempool.Refused},
	}}
	note := want
	note.AtMS, note.Messages = 0, slices.Clone(want.Messages)
	note.Messages[0].Result = mempool.Accepted // which the store sets right
	own := mempool.Own{Notes: []*mempool.Note{&note}}
	if _, err := s.AcceptOwn(m[:2], 5*dayMS, own); err != nil {
		t.Fatal(err)
	}
	check(t, s)
	closeNow(t, s)
	s = open(t, n, fs)
	got, err := s.Note(want.Key, 7, 5*dayMS+1)
	if err != nil || !slices.Equal(got.Messages, want.Messages) || got.Print != want.Print || !got.Last || got.AtMS != want.AtMS {
		t.Errorf("Note = %v, %v, want %v", got, err, want)
	}
	for name, other := range map[string]struct {
		key   core.Hash
		first int
	}{"another key": {core.Hash{2}, 7}, "another part": {core.Hash{1}, 0}} {
		if _, err := s.Note(other.key, other.first, 5*dayMS); !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
}

// Messages that were made here are stored without a look at what is there.
func TestMadeMessages(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 3)
	results, err := s.AcceptOwn(m, 1000, mempool.Own{Made: true})
	if err != nil || slices.ContainsFunc(results, func(r mempool.AcceptResult) bool { return r != mempool.Accepted }) {
		t.Fatalf("AcceptOwn = %v, %v", results, err)
	}
	accept(t, s, true, mempool.AlreadyWaiting, m...)
	page, err := s.Waiting(0, 10)
	if err != nil || len(page.Messages) != 3 || !page.Messages[0].Local {
		t.Errorf("Waiting = %v, %v", page, err)
	}
	check(t, s)
}

// A note counts for 24 hours, over midnight, also where the clock is set back a little.
func TestNotesAge(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	at := 10*dayMS + dayMS/2
	acceptNoted(t, s, at, mempool.Note{Key: core.Hash{1}}, coretest.Messages(t, n, "m", 1)...)
	for _, tt := range []struct {
		name  string
		now   uint64
		there bool
	}{
		{"at once", at, true},
		{"past midnight", 11*dayMS + 1, true},
		{"a millisecond before its end", at + dayMS - 1, true},
		{"at its end", at + dayMS, false},
		{"days later", at + 7*dayMS, false},
		{"the day before", 10*dayMS - 1, true},
	} {
		if _, err := s.Note(core.Hash{1}, 0, tt.now); (err == nil) != tt.there || err != nil && !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("%s: Note = %v, want it there: %v", tt.name, err, tt.there)
		}
	}
}

// Notes that no longer count leave the store with the first note of a later day; others stay.
func TestNotesAreSwept(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	stored := func() (days []uint64) {
		for key := range dump(t, s) {
			if key[0] == prefixNote {
				days = append(days, uint64(key[4]))
			}
		}
		slices.Sort(days)
		return days
	}
	for i, m := range coretest.Messages(t, n, "m", 8) {
		day := []uint64{3, 3, 4, 5, 5, 6, 9, 8}[i]
		acceptNoted(t, s, day*dayMS+uint64(i), mempool.Note{Key: core.Hash{byte(i)}}, m)
		want := [][]uint64{{3}, {3, 3}, {3, 3, 4}, {4, 5}, {4, 5, 5}, {5, 5, 6}, {9}, {8, 9}}[i]
		if got := stored(); !slices.Equal(got, want) {
			t.Errorf("after a note of day %d there are those of days %v, want %v", day, got, want)
		}
	}
	check(t, s)
}
