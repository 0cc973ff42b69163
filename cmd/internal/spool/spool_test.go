package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"p2pchain/core/coretest/random"
)

const room = 1 << 20

// group returns a group of lines with numbers from first.
func group(key string, first, n int) *Group {
	g := &Group{Key: key}
	for i := range n {
		g.Lines = append(g.Lines, Line{first + i, fmt.Appendf(nil, "line %d\xff\x00", first+i)})
	}
	return g
}

func mustAppend(t *testing.T, s *Spool, groups ...*Group) {
	t.Helper()
	for _, g := range groups {
		if err := s.Append(g); err != nil {
			t.Fatal(err)
		}
	}
}

// drain takes all groups out and returns their keys and the numbers of their lines.
func drain(t *testing.T, s *Spool) (got []string) {
	t.Helper()
	for !s.Empty() {
		g, err := s.First()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range g.Lines {
			if want := fmt.Appendf(nil, "line %d\xff\x00", l.Number); !bytes.Equal(l.Payload, want) {
				t.Fatalf("line %d is %q", l.Number, l.Payload)
			}
			got = append(got, fmt.Sprint(g.Key, l.Number))
		}
		if err := s.Done(); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestQueue(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "spool")
	s := New(filepath.Join(folder, "a.spool"), room)
	if g, err := s.First(); g != nil || err != nil || names(t, folder) != nil {
		t.Fatalf("an empty spool has %v, %v and files %v", g, err, names(t, folder))
	}
	mustAppend(t, s, group("a", 1, 2), group("b", 3, 1))
	if s.Lines() != 3 {
		t.Errorf("%d lines, want 3", s.Lines())
	}
	equal(t, drain(t, s), "a1", "a2", "b3")
	mustAppend(t, s, group("c", 4, 1)) // it is used again after it was empty
	equal(t, drain(t, s), "c4")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := names(t, folder); left != nil {
		t.Errorf("files stay: %v", left)
	}
}

// TestLeftBehind opens what processes left that had sent a part.
func TestLeftBehind(t *testing.T) {
	folder := t.TempDir()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, second := New(Name(folder, now), room), New(Name(folder, now.Add(time.Second)), room)
	mustAppend(t, second, group("x", 1, 1))
	mustAppend(t, first, group("a", 1, 2), group("b", 3, 1), group("c", 4, 2))
	if err := first.Done(); err != nil {
		t.Fatal(err)
	}
	never := func(path string, err error) { t.Errorf("%s: %v", path, err) }
	if found, err := Leftovers(folder, room, never); len(found) != 0 || err != nil {
		t.Fatalf("%d spools of living processes, %v", len(found), err)
	}
	if n, err := Waiting(folder); n != 4 || err != nil {
		t.Errorf("%d lines wait, %v; want 4", n, err)
	}
	if err := errors.Join(first.Close(), second.Close()); err != nil {
		t.Fatal(err)
	}
	found, err := Leftovers(folder, room, never)
	if len(found) != 2 || err != nil {
		t.Fatalf("%d spools, %v; want 2", len(found), err)
	}
	if n := found[0].Lines(); n != 3 {
		t.Errorf("%d lines, want 3", n)
	}
	mustAppend(t, found[0], group("d", 6, 1))
	equal(t, drain(t, found[0]), "b3", "c4", "c5", "d6")
	equal(t, drain(t, found[1]), "x1")
	for _, s := range found {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := names(t, folder); left != nil {
		t.Errorf("files stay: %v", left)
	}
}

func TestFull(t *testing.T) {
	s := New(filepath.Join(t.TempDir(), "a.spool"), 150)
	defer s.Close()
	mustAppend(t, s, group("a", 1, 5))
	for range 2 {
		if err := s.Append(group("b", 6, 10)); !errors.Is(err, ErrFull) {
			t.Fatalf("Append = %v, want ErrFull", err)
		}
	}
	mustAppend(t, s, group("c", 6, 1))
	equal(t, drain(t, s), "a1", "a2", "a3", "a4", "a5", "c6")
}

// kept writes a spool of three groups, the first of them done, and returns it as it is on disk, and
// where each frame ends.
func kept(t testing.TB) (content []byte, ends []int) {
	path := filepath.Join(t.TempDir(), "a.spool")
	s := New(path, room)
	ends = []int{0, len(magic)}
	note := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, int(s.size))
	}
	note(s.Append(group("a", 1, 2)))
	note(s.Append(group("b", 3, 1)))
	note(s.Done())
	note(s.Append(group("c", 4, 2)))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content, ends
}

func reopen(t testing.TB, content []byte) (*Spool, error) {
	path := filepath.Join(t.TempDir(), "a.spool")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(path, room)
}

// TestCut opens a spool that a power cut left at every length: what was on the disk as a whole stays.
func TestCut(t *testing.T) {
	content, ends := kept(t)
	want := [][]string{nil, nil, {"a1", "a2"}, {"a1", "a2", "b3"}, {"b3"}, {"b3", "c4", "c5"}}
	frames := 0
	for n := range len(content) + 1 {
		for frames+1 < len(ends) && ends[frames+1] <= n {
			frames++
		}
		s, err := reopen(t, content[:n])
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
		if stat, err := s.file.Stat(); err != nil || stat.Size() != s.size {
			t.Fatalf("cut to %d bytes: %d of them stay, want %d (%v)", n, stat.Size(), s.size, err)
		}
		mustAppend(t, s, group("z", 9, 1))
		equal(t, drain(t, s), append(want[frames], "z9")...)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if frames != len(want)-1 {
		t.Errorf("%d frames were looked at, want %d", frames, len(want)-1)
	}
}

// TestChanged flips each byte: nothing wrong is ever read, and only what was written last can be lost
// without a word, as after a power cut.
func TestChanged(t *testing.T) {
	content, ends := kept(t)
	last := ends[len(ends)-2]
	for i := range content {
		changed := bytes.Clone(content)
		changed[i] ^= 0x11
		s, err := reopen(t, changed)
		if i < last != errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if err == nil {
			equal(t, drain(t, s), "b3")
			s.Close()
		}
	}
}

// TestChangedWhileOpen damages a group that is waiting.
func TestChangedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.spool")
	s := New(path, room)
	defer s.Close()
	mustAppend(t, s, group("a", 1, 2))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err := s.First(); !errors.Is(err, ErrDamaged) {
		t.Errorf("First = %v, %v", g, err)
	}
}

// TestSetAside finds a damaged spool among good ones.
func TestSetAside(t *testing.T) {
	folder := t.TempDir()
	content, _ := kept(t)
	bad := bytes.Clone(content)
	bad[30] ^= 1
	for name, b := range map[string][]byte{"1.spool": bad, "2.spool": content, "3.other": content} {
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told := ""
	found, err := Leftovers(folder, room, func(path string, err error) {
		if !errors.Is(err, ErrDamaged) {
			t.Error(err)
		}
		told += filepath.Base(path)
	})
	if len(found) != 1 || err != nil || told != "1.spool.damaged" {
		t.Fatalf("%d spools, %v, told of %q", len(found), err, told)
	}
	found[0].Close()
	if aside, err := os.ReadFile(filepath.Join(folder, told)); !bytes.Equal(aside, bad) {
		t.Errorf("what was set aside is not what was there: %v", err)
	}
}

// TestModel does what a sender does, in random order, with the process ending now and then.
func TestModel(t *testing.T) {
	rng := random.Source(t)
	path := filepath.Join(t.TempDir(), "a.spool")
	s := New(path, room)
	var model []string
	restarts, number := 0, 1
	for range 500 {
		switch n := rng.IntN(10); {
		case n < 5:
			g := group(fmt.Sprint("k", number), number, 1+rng.IntN(4))
			mustAppend(t, s, g)
			model, number = append(model, g.Key), number+len(g.Lines)
		case n < 9 && len(model) > 0:
			g, err := s.First()
			if err != nil || g.Key != model[0] {
				t.Fatalf("First = %v, %v; want %s", g, err, model[0])
			}
			if err := s.Done(); err != nil {
				t.Fatal(err)
			}
			model = model[1:]
		case n == 9 && len(model) > 0:
			restarts++
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			var err error
			if s, err = Open(path, room); err != nil {
				t.Fatal(err)
			}
		}
		if s.Empty() != (len(model) == 0) {
			t.Fatalf("empty: %v, with %d groups", s.Empty(), len(model))
		}
	}
	if restarts == 0 {
		t.Error("it was never closed")
	}
	s.Close()
}

// FuzzOpen reads files that anybody may have written: it never panics, and what it accepts it can read.
func FuzzOpen(f *testing.F) {
	content, ends := kept(f)
	for _, n := range ends {
		f.Add(content[:n])
	}
	f.Add(appendFrame([]byte(magic), kindDone, nil))
	f.Add(appendFrame([]byte(magic), kindGroup, []byte{1, 'k', 5, 200}))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, err := reopen(t, content)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("an error without a name: %v", err)
			}
			return
		}
		lines := 0
		for _, m := range s.queue { // Done would wait for the disk each time
			body, err := s.read(m)
			if err != nil {
				t.Fatal(err)
			}
			g, err := decodeGroup(body)
			if err != nil {
				t.Fatal(err)
			}
			lines += len(g.Lines)
		}
		if lines != s.Lines() {
			t.Fatalf("%d lines, and it spoke of %d", lines, s.Lines())
		}
		s.Close()
	})
}
