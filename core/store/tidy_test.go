package store

import (
	"bytes"
	"context"
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

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/mempool"
)

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
	coretest.Sequential(t)
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
