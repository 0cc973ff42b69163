package store

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/mempool"
)

// fileMessage notarises a file of this name, whose content is the text.
func fileMessage(t testing.TB, n *core.Network, name, content string) *core.Message {
	t.Helper()
	f := &document.File{Name: name, Size: uint64(len(content)), MediaType: "text/plain", SHA256: sha256.Sum256([]byte(content))}
	return documentMessage(t, n, f)
}

func documentMessage(t testing.TB, n *core.Network, d document.Document) *core.Message {
	t.Helper()
	return coretest.MessageWith(t, n, coretest.Key(0), string(d.Encode()), func(m *core.Message) { m.MediaType = d.Type() })
}

// withDigest returns the messages with the digest of a content, newest first.
func withDigest(t testing.TB, s *Store, content string) []core.Hash {
	t.Helper()
	var out []core.Hash
	for before := uint64(math.MaxUint64); ; {
		page, err := s.WithDigest(sha256.Sum256([]byte(content)), before, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range page {
			out, before = append(out, n.ID), n.Number
		}
		if len(page) < 2 {
			return out
		}
	}
}

// TestWithDigest follows entries through all that can happen to a message: it waits, is sealed, comes by
// a block, is given back, and is forgotten with its only block.
func TestWithDigest(t *testing.T) {
	for name, edit := range map[string]func(*Options){"batch": func(*Options) {}, "journal": func(o *Options) { o.MaxBatchBytes = 1 }} {
		t.Run(name, func(t *testing.T) {
			n := coretest.Network(t)
			s := open(t, n, vfs.NewMem(), edit)
			a, b, c := fileMessage(t, n, "a", "one"), fileMessage(t, n, "b", "one"), fileMessage(t, n, "c", "two")
			want := func(content string, msgs ...*core.Message) {
				t.Helper()
				check(t, s)
				if got := withDigest(t, s, content); !slices.Equal(got, ids(msgs)) {
					t.Errorf("messages with the digest of %q: %v, want %v", content, got, ids(msgs))
				}
			}
			accept(t, s, true, mempool.Accepted, a)
			want("one", a)
			old := branch(t, n, coretest.Genesis(n), []*core.Message{a, b, c})
			connect(t, s, old...)
			want("one", b, a)
			want("two", c)
			other := branch(t, n, coretest.Genesis(n), nil, nil)
			commit(t, s, reorg(old, other)) // all wait again
			want("one", b, a)
			side := branch(t, n, coretest.Genesis(n), []*core.Message{fileMessage(t, n, "d", "three")})
			commit(t, s, storing(side...))
			want("three", side[0].Messages[0])
			gone := storing()
			gone.Forget = append(gone.Forget, side[0].Header.Hash())
			commit(t, s, gone)
			want("three")
			want("nothing")
		})
	}
}

// TestDigestOfDocuments: each kind is found by its own hash, and what only looks like one by none.
func TestDigestOfDocuments(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	sum := sha256.Sum256([]byte("x"))
	id := "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	good := []*core.Message{
		documentMessage(t, n, &document.Manifest{Name: "d", Files: 1, Size: 2, SHA256: sum}),
		documentMessage(t, n, &document.Commit{Repository: "r", Commit: id, Tree: id, SHA256: sum}),
	}
	bad := coretest.MessageWith(t, n, coretest.Key(0), string(good[0].Body.Payload)+"\n", func(m *core.Message) { m.MediaType = document.ManifestType })
	text := coretest.MessageWith(t, n, coretest.Key(0), string(good[0].Body.Payload)+" ", func(*core.Message) {})
	accept(t, s, false, mempool.Accepted, good[0], bad, text, good[1])
	if got := withDigest(t, s, "x"); !slices.Equal(got, ids([]*core.Message{good[1], good[0]})) {
		t.Errorf("found %v, want %v", got, ids(good))
	}
}

// TestDigestComesWithBody: a block that came without bodies has no entries until they are filled in.
func TestDigestComesWithBody(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := fileMessage(t, n, "a", "one")
	b := coretest.Next(t, n, coretest.Genesis(n), m)
	commit(t, s, storing(coretest.WithoutBodies(b)))
	if got := withDigest(t, s, "one"); len(got) > 0 {
		t.Errorf("found %v without a body", got)
	}
	accept(t, s, true, mempool.Accepted, m)
	if got := withDigest(t, s, "one"); !slices.Equal(got, []core.Hash{m.ID}) {
		t.Errorf("found %v, want %v", got, m.ID)
	}
}

// TestDigestsOfOlderStores: a store that lacks the index, or was stopped while it was made, has it after
// the next start.
func TestDigestsOfOlderStores(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	var msgs []*core.Message
	for i := range 20 {
		msgs = append(msgs, fileMessage(t, n, text("%d", i), "same"), coretest.Message(t, n, coretest.Key(0), text("%d", i)))
	}
	accept(t, s, true, mempool.Accepted, msgs...)
	loseDigests(t, s, 21)
	if report, err := s.Check(t.Context(), true); err != nil || len(report.Problems) != 21 {
		t.Errorf("Check = %d problems, %v, want one for each file and one for the index", len(report.Problems), err)
	}
	closeNow(t, s)
	s = open(t, n, fs)
	if got := withDigest(t, s, "same"); len(got) != 20 || got[0] != msgs[38].ID {
		t.Errorf("%d messages found, want 20, the last one first", len(got))
	}
	loseDigests(t, s, 7) // the first is that which says that all are there
	closeNow(t, s)
	s = open(t, n, fs)
	accept(t, s, true, mempool.Accepted, fileMessage(t, n, "last", "same"))
	if got := withDigest(t, s, "same"); len(got) != 21 {
		t.Errorf("%d messages found, want 21", len(got))
	}
}

// loseDigests deletes the first entries of the index.
func loseDigests(t *testing.T, s *Store, count int) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(dump(t, s))) {
		if key[0] != prefixDigest || count == 0 {
			continue
		}
		count--
		if err := s.db.Delete([]byte(key), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDigestsAreSalvaged: the table is made anew from what is restored.
func TestDigestsAreSalvaged(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	m := fileMessage(t, n, "a", "one")
	accept(t, s, true, mempool.Accepted, m)
	closeNow(t, s)
	fresh, _ := salvageInto(t, n, dir)
	if got := withDigest(t, fresh, "one"); !slices.Equal(got, []core.Hash{m.ID}) {
		t.Errorf("found %v, want %v", got, m.ID)
	}
}

// TestCheckDigests: entries that nobody asked for, and wrong ones, are problems.
func TestCheckDigests(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m, plain := fileMessage(t, n, "a", "one"), coretest.Message(t, n, coretest.Key(0), "text")
	accept(t, s, true, mempool.Accepted, m, plain)
	sum, other := core.Hash(sha256.Sum256([]byte("one"))), core.Hash{1}
	for name, kv := range map[string][2][]byte{
		"another digest":    {digestKey(other, 0), encodeHash(m.ID)},
		"a message of text": {digestKey(sum, 1), encodeHash(plain.ID)},
		"no such message":   {digestKey(sum, 9), encodeHash(m.ID)},
		"a short key":       {hashKey(prefixDigest, sum), encodeHash(m.ID)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.db.Set(kv[0], kv[1], pebble.NoSync); err != nil {
				t.Fatal(err)
			}
			if report, err := s.Check(t.Context(), true); err != nil || report.Err() == nil {
				t.Errorf("Check = %v, %v, want a problem", report.Problems, err)
			}
			if err := s.db.Delete(kv[0], pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		})
	}
}
