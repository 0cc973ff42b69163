package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// salvageInto restores what is left in a directory into a new store, but for its blocks.
func salvageInto(t *testing.T, n *core.Network, dir string) (*Store, Restored) {
	t.Helper()
	from, err := OpenSalvage(t.Context(), dir, filepath.Join(t.TempDir(), "scratch"), n, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, n, vfs.NewMem())
	done, err := s.Restore(t.Context(), from, func(msgs []*core.Message) []error { return make([]error, len(msgs)) })
	if err := errors.Join(err, from.Close()); err != nil {
		t.Fatal(err)
	}
	return s, done
}

// TestNotesAreSalvaged takes over the answers to requests whose messages are all here, and no other ones:
// such a request is done again.
func TestNotesAreSalvaged(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	m := coretest.Messages(t, n, "m", 5)
	whole, part, twice := mempool.Note{Key: core.Hash{1}, Print: core.Hash{9}, Last: true}, mempool.Note{Key: core.Hash{2}}, mempool.Note{Key: core.Hash{3}, First: 7}
	acceptNoted(t, s, 5*dayMS+7, whole, m[:2]...)
	acceptNoted(t, s, 5*dayMS, part, m[2:4]...)
	acceptNoted(t, s, 5*dayMS, twice, m[0], m[4])
	want, err := s.Note(whole.Key, 0, 5*dayMS+8)
	if err != nil {
		t.Fatal(err)
	}
	x, err := reader{s.db}.index(m[3].ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.db.Delete(numberKey(prefixRecord, x.slot), pebble.Sync); err != nil { // its block was hit
		t.Fatal(err)
	}
	if err := s.db.Set(noteKey(4, core.Hash{4}, 0), encodeNote(&want), pebble.Sync); err != nil { // under another day
		t.Fatal(err)
	}
	if err := s.db.Set(noteKey(5, core.Hash{5}, 0), []byte("nonsense"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	fresh, done := salvageInto(t, n, dir)
	if done.Notes != 2 || done.Waiting != 4 {
		t.Errorf("%+v, want 2 notes and 4 messages", done)
	}
	got, err := fresh.Note(whole.Key, 0, 5*dayMS+8)
	if err != nil || got.AtMS != want.AtMS || got.Print != want.Print || !got.Last || len(got.Messages) != 2 || got.Messages[1] != want.Messages[1] {
		t.Errorf("Note = %+v, %v, want %+v", got, err, want)
	}
	if _, err := fresh.Note(twice.Key, 7, 5*dayMS); err != nil {
		t.Errorf("Note = %v", err)
	}
	for _, key := range []core.Hash{part.Key, {4}, {5}} {
		if _, err := fresh.Note(key, 0, 5*dayMS); !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("note %v: %v, want ErrNotFound", key, err)
		}
	}
}

// TestSwappedFiles finds a log that changed places with a file of another kind, and salvages all of it.
func TestSwappedFiles(t *testing.T) {
	n := coretest.Network(t)
	for _, other := range []string{"marker.manifest.*", "marker.format-version.*", "MANIFEST-*", "OPTIONS-*", "*.sst"} {
		t.Run(other, func(t *testing.T) {
			dir, killed := t.TempDir(), t.TempDir()
			s := openReal(t, dir, n)
			accept(t, s, true, mempool.Accepted, coretest.Messages(t, n, "first", 3)...)
			closeNow(t, s) // which leaves a table
			s = openReal(t, dir, n)
			accept(t, s, true, mempool.Accepted, coretest.Messages(t, n, "second", 4)...)
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			closeNow(t, s)
			swapFiles(t, last(t, filepath.Join(killed, "*.log")), last(t, filepath.Join(killed, other)))
			if s, err := Open(killed, n, Options{}); !errors.Is(err, ErrCorrupt) {
				t.Errorf("Open = %v, want ErrCorrupt", err)
				if err == nil {
					closeNow(t, s)
				}
			}
			if _, done := salvageInto(t, n, killed); done.Waiting != 7 {
				t.Errorf("%d messages were salvaged, want 7", done.Waiting)
			}
		})
	}
}

// last returns the last file of a pattern, which must have one.
func last(t *testing.T, pattern string) string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	return names[len(names)-1]
}

func swapFiles(t *testing.T, a, b string) {
	t.Helper()
	for _, step := range [][2]string{{a, a + ".tmp"}, {b, a}, {a + ".tmp", b}} {
		if err := os.Rename(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedLog finds damage in a log that Pebble takes for its end, since all behind it is in the same
// block, and salvages what is behind it.
func TestDamagedLog(t *testing.T) {
	n, dir, killed := coretest.Network(t), t.TempDir(), t.TempDir()
	closeNow(t, openReal(t, dir, n)) // the first log of a new database does not say what was synced
	s := openReal(t, dir, n)
	for _, m := range coretest.Messages(t, n, "m", 10) {
		accept(t, s, true, mempool.Accepted, m)
	}
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	closeNow(t, s)
	path := last(t, filepath.Join(killed, "*.log"))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(bytes.TrimRight(content, "\x00"))
	if end > logBlock {
		t.Fatalf("the log has %d bytes", end)
	}
	content[end/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(killed, n, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Open = %v, want ErrCorrupt", err)
		if err == nil {
			closeNow(t, s)
		}
	}
	if _, done := salvageInto(t, n, killed); done.Waiting != 9 {
		t.Errorf("%d messages were salvaged, want 9", done.Waiting)
	}
}
