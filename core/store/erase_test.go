package store

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// copyStill copies a folder as it is at one moment, as a kill leaves it: again, until nothing changes meanwhile.
func copyStill(t *testing.T, dir string) string {
	t.Helper()
	state := func() string {
		var out strings.Builder
		list, err := os.ReadDir(dir)
		for _, entry := range list {
			info, infoErr := entry.Info()
			if infoErr != nil {
				return "" // gone by now; unlike any other state
			}
			fmt.Fprintln(&out, info.Name(), info.Size(), info.ModTime())
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for range 100 {
		before, copied := state(), t.TempDir()
		err := os.CopyFS(copied, os.DirFS(dir))
		if err == nil && before != "" && before == state() {
			return copied
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	t.Fatal("the folder never stands still")
	return ""
}

// After Tidy no file of the store has a byte of what was erased, also where logs were used again, after a
// kill before Tidy, and in the index of digests.
func TestErasedBytesLeaveTheDisk(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(map[bool]string{false: "at once", true: "killed before"}[killed], func(t *testing.T) {
			n, dir := coretest.Network(t), t.TempDir()
			s := openReal(t, dir, n)
			secrets := []*core.Message{secret(t, n, 1), secret(t, n, 2), secret(t, n, 3), fileMessage(t, n, "secret.txt", "secret")}
			marks := marksOf(secrets)
			for i := range 4 { // so that there are old logs, and tables on several levels
				accept(t, s, true, mempool.Accepted, secrets[i])
				accept(t, s, true, mempool.Accepted, coretest.Messages(t, n, text("filler %d", i), 300)...)
				if err := s.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			connect(t, s, tall(t, n, 8, secrets[:2], secrets[2:])...)
			missingFrom(t, dir, marks, false)
			erase(t, s, early, secrets...)
			if killed {
				s.db.TestOnlyWaitForCleaning()
				copied := copyStill(t, dir)
				closeNow(t, s)
				dir = copied
				s = openReal(t, dir, n)
			}
			list, err := s.Dropped()
			if err != nil || len(list) != 4 {
				t.Fatalf("Dropped = %v, %v, want 4 messages", list, err)
			}
			if err := s.Tidy(t.Context(), list, false); err != nil {
				t.Fatal(err)
			}
			missingFrom(t, dir, marks, true)
			if err := s.Forgotten(list); err != nil {
				t.Fatal(err)
			}
			if list, err := s.Dropped(); len(list) != 0 || err != nil {
				t.Errorf("Dropped = %v, %v after Forgotten", list, err)
			}
			accept(t, s, true, mempool.Accepted, coretest.Messages(t, n, "more", 300)...) // into logs made anew
			missingFrom(t, dir, marks, true)
			check(t, s)
			closeNow(t, s)
			s = openReal(t, dir, n)
			missingFrom(t, dir, marks, true)
			if count, _ := s.WaitingTotals(); count != 4*300+300 {
				t.Errorf("%d messages wait, want %d", count, 5*300)
			}
			closeNow(t, s)
		})
	}
}

// What was pruned leaves the files, too.
func TestPrunedBytesLeaveTheDisk(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	secrets := []*core.Message{secret(t, n, 1), secret(t, n, 2)}
	connect(t, s, tall(t, n, 8, secrets)...)
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	missingFrom(t, dir, marksOf(secrets), false)
	pruneTo(t, s, 2)
	if err := s.Tidy(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	missingFrom(t, dir, marksOf(secrets), true)
	closeNow(t, s)
}

// secret is a message whose payload does not compress.
func secret(t testing.TB, n *core.Network, i byte) *core.Message {
	t.Helper()
	var payload []byte
	for j := range byte(8) {
		sum := sha256.Sum256([]byte{i, j})
		payload = append(payload, sum[:]...)
	}
	return coretest.Message(t, n, coretest.Key(0), string(payload))
}

// marksOf returns what to look for: salts, pieces of payloads, and a digest.
func marksOf(msgs []*core.Message) [][]byte {
	var marks [][]byte
	for _, m := range msgs {
		marks = append(marks, m.Body.Salt[:8])
		if digest, ok := document.Digest(m.MediaType, m.Body.Payload); ok {
			marks = append(marks, digest[:8])
		} else {
			marks = append(marks, m.Body.Payload[100:112])
		}
	}
	return marks
}

// missingFrom looks for marks in every file below a directory.
func missingFrom(t *testing.T, dir string, marks [][]byte, want bool) {
	t.Helper()
	found := make([]bool, len(marks))
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(filepath.Base(name), "MANIFEST-") }) // see Tidy
	if err != nil || len(names) < 4 {
		t.Fatalf("files: %v, %v", names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // tidied up meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, mark := range marks {
			if bytes.Contains(content, mark) {
				found[i] = true
				if want {
					t.Errorf("%s still has mark %d", filepath.Base(name), i)
				}
			}
		}
	}
	if i := slices.Index(found, false); i >= 0 && !want {
		t.Errorf("mark %d is in no file, so the test would find nothing", i)
	}
}

// Tidy waits for those who read an older state: a compaction would keep it for them.
func TestTidyReaders(t *testing.T) {
	n, dir := coretest.Network(t), t.TempDir()
	s := openReal(t, dir, n)
	m := secret(t, n, 7)
	connect(t, s, tall(t, n, 8, []*core.Message{m})...)
	old := s.db.NewSnapshot()
	erase(t, s, early, m)
	list, err := s.Dropped()
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := s.Tidy(soon, list, false); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Tidy = %v before the reader of an old state had ended", err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Tidy(t.Context(), list, false); err != nil {
		t.Fatal(err)
	}
	missingFrom(t, dir, marksOf([]*core.Message{m}), true)
	closeNow(t, s)
}

// forgetSome leaves something in every table of what is forgotten: of these messages the 21st is in the last
// of four blocks, and the first waits.
func forgetSome(t *testing.T, s *Store, m []*core.Message) {
	t.Helper()
	n := s.network
	erase(t, s, late, m[20])
	erase(t, s, early, m[0])
	accept(t, s, false, mempool.Accepted, wish(t, n, coretest.Key(0), core.Hash{7}))
	hash, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Entry(hash)
	if err != nil {
		t.Fatal(err)
	}
	history, err := s.Frontier(e.Header.Height)
	if err != nil {
		t.Fatal(err)
	}
	connect(t, s, coretest.WithoutBodies(coretest.Next(t, n, coretest.Tip{Hash: hash, Header: e.Header, History: history}, m[21:24]...)))
}
