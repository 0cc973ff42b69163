package anchor_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// grown returns a place whose log was anchored at the ends of many random pieces, and these ends.
func grown(t *testing.T, rng *rand.Rand, pieces int) (*place, []byte, []uint64) {
	p := newPlace(t)
	var text []byte
	ends := []uint64{0}
	for range pieces {
		piece := make([]byte, 1+rng.IntN(20_000))
		for i := range piece {
			piece[i] = byte(rng.IntN(256))
		}
		p.write(string(piece))
		text = append(text, piece...)
		ends = append(ends, uint64(len(text)))
		p.once()
	}
	return p, text, ends
}

// check compares bytes with what a place has anchored.
func checkBytes(t *testing.T, p *place, text []byte) *anchor.Report {
	t.Helper()
	r, err := p.chain.collection().Check(bytes.NewReader(text), uint64(len(text)), "app.log", anchor.Choice{})
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for i, part := range r.Ranges { // of a single follower they are all there is, each once
		if part.From != last || part.To <= part.From || i > 0 && part.State == r.Ranges[i-1].State {
			t.Fatalf("ranges %+v", r.Ranges)
		}
		last = part.To
	}
	return r
}

// pieceOf returns the piece in which a byte lies.
func pieceOf(ends []uint64, at int) (from, to uint64) {
	for i, end := range ends[1:] {
		if uint64(at) < end {
			return ends[i], end
		}
	}
	return ends[len(ends)-1], ends[len(ends)-1]
}

// TestFlips changes single bytes: each is found, in the piece in which it is, and nothing else is.
func TestFlips(t *testing.T) {
	rng := random.Source(t)
	p, text, ends := grown(t, rng, 12)
	for range 100 {
		at, bit := rng.IntN(len(text)), byte(1)<<rng.IntN(8)
		text[at] ^= bit
		r := checkBytes(t, p, text)
		text[at] ^= bit
		from, to := pieceOf(ends, at)
		var altered []anchor.Range
		good := uint64(0)
		for _, part := range r.Ranges {
			switch part.State {
			case anchor.Altered:
				altered = append(altered, part)
			case anchor.Intact:
				good += part.To - part.From
			}
		}
		if r.Verdict != anchor.Altered || len(altered) != 1 || altered[0].From != from || altered[0].To != to || good != uint64(len(text))-(to-from) {
			t.Fatalf("byte %d, in %d to %d, flipped: %s, %+v", at, from, to, r.Verdict, r.Ranges)
		}
		if r.Intact != from {
			t.Fatalf("byte %d flipped: %d bytes are intact, want %d", at, r.Intact, from)
		}
		if after := altered[0].After; from > 0 && (after == nil || ends[after.Sequence] != from) {
			t.Fatalf("it was written after the look of %+v", after)
		}
		if until := altered[0].Until; until == nil || ends[until.Sequence] != to {
			t.Fatalf("it was written before the look of %+v", until)
		}
	}
	if r := checkBytes(t, p, text); r.Verdict != anchor.Intact || r.Intact != uint64(len(text)) {
		t.Errorf("the file itself: %+v", r)
	}
}

// TestCuts takes bytes from the end: what is missing is named.
func TestCuts(t *testing.T) {
	rng := random.Source(t)
	p, text, ends := grown(t, rng, 12)
	lengths := []int{0, 1, len(text) - 1, int(ends[3])}
	for range 30 {
		lengths = append(lengths, rng.IntN(len(text)))
	}
	for _, n := range lengths {
		r := checkBytes(t, p, text[:n])
		from, _ := pieceOf(ends, n)
		last := r.Ranges[len(r.Ranges)-1]
		if r.Verdict != anchor.Cut || last.State != anchor.Cut || last.From != uint64(n) || last.To != uint64(len(text)) || r.Intact != from {
			t.Fatalf("%d of %d bytes: %s, intact %d, %+v", n, len(text), r.Verdict, r.Intact, r.Ranges)
		}
		if last.Until.Sequence != 12 || from > 0 && ends[last.After.Sequence] != from {
			t.Fatalf("%d bytes: cut %+v %+v", n, last.After, last.Until)
		}
		if n > 0 { // and a change in what is left is found beside it
			at := rng.IntN(n)
			changed := bytes.Clone(text[:n])
			changed[at] ^= 4
			want := anchor.Altered
			if uint64(at) >= from {
				want = anchor.Cut // no anchor vouches for these bytes alone
			}
			if r := checkBytes(t, p, changed); r.Verdict != want {
				t.Fatalf("byte %d of %d flipped: %s, want %s", at, n, r.Verdict, want)
			}
		}
	}
	more := append(bytes.Clone(text), "more"...)
	r := checkBytes(t, p, more)
	if last := r.Ranges[len(r.Ranges)-1]; r.Verdict != anchor.Intact || last.State != anchor.Beyond || last.To-last.From != 4 {
		t.Errorf("with more at its end: %s, %+v", r.Verdict, r.Ranges)
	}
}

// TestInsertion: bytes that were put in or taken out move all that follows.
func TestInsertion(t *testing.T) {
	rng := random.Source(t)
	p, text, ends := grown(t, rng, 6)
	for _, edit := range []func([]byte, int) []byte{
		func(b []byte, at int) []byte { return append(append(bytes.Clone(b[:at]), 'x'), b[at:]...) },
		func(b []byte, at int) []byte { return append(bytes.Clone(b[:at]), b[at+1:]...) },
	} {
		at := int(ends[2]) + 5
		r := checkBytes(t, p, edit(text, at))
		if r.Verdict != anchor.Altered || r.Intact != ends[2] || r.Ranges[1].State != anchor.Altered {
			t.Errorf("%s, intact %d, %+v", r.Verdict, r.Intact, r.Ranges)
		}
	}
}

func TestLineNumbers(t *testing.T) {
	p := newPlace(t)
	for _, text := range []string{"1\n2\n3\n", "4\n5", "5\n6\n", "7\n"} {
		p.write(text)
		p.once()
	}
	text := []byte("1\n2\n3\n4\n55\nX\n7\n")
	r := checkBytes(t, p, text)
	var got []string
	for _, part := range r.Ranges {
		got = append(got, fmt.Sprintf("%s %d-%d lines %d-%d", part.State, part.From, part.To, part.FirstLine, part.LastLine))
	}
	want := "intact 0-9 lines 1-5, altered 9-13 lines 5-6, intact 13-15 lines 7-7"
	if strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}

// TestMissingAnchors leaves out anchors, as erasing them does: what they covered is told from the next
// ones, and no change hides.
func TestMissingAnchors(t *testing.T) {
	rng := random.Source(t)
	p, text, ends := grown(t, rng, 10)
	for range 60 {
		c := anchor.NewCollection()
		var left []uint64
		for i, payload := range p.chain.payloads {
			if i == 9 || rng.IntN(2) == 0 {
				c.Add(payload, p.chain.ids[i], core.PublicKey{1}, anchor.Place{})
				left = append(left, ends[i+1])
			}
		}
		r, err := c.Check(bytes.NewReader(text), uint64(len(text)), "app.log", anchor.Choice{})
		if err != nil || r.Verdict != anchor.Intact || r.Intact != uint64(len(text)) || r.Missing != 10-len(left) || r.Waiting != len(left) {
			t.Fatalf("with %d of 10: %v, %+v", len(left), err, r)
		}
		at := rng.IntN(len(text))
		text[at] ^= 1
		r, err = c.Check(bytes.NewReader(text), uint64(len(text)), "app.log", anchor.Choice{})
		text[at] ^= 1
		if err != nil || r.Verdict != anchor.Altered {
			t.Fatalf("byte %d, anchored to %v: %v, %+v", at, left, err, r)
		}
		for _, part := range r.Ranges {
			if inside := part.From <= uint64(at) && uint64(at) < part.To; inside != (part.State == anchor.Altered) && part.State != anchor.Unknown {
				t.Fatalf("byte %d, anchored to %v: %+v", at, left, r.Ranges)
			}
		}
	}
}

// TestNoticed: what a follower notices begins a new generation, and what was before is still told.
func TestNoticed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*place)
		verdict string
		before  string // the verdict of the generation before
	}{
		{"cut", func(p *place) { must(p.t, os.Truncate(p.log, 10)) }, anchor.Cut, anchor.Cut},
		{"cut, then more", func(p *place) {
			must(p.t, os.Truncate(p.log, 10))
			p.once()
			p.write(strings.Repeat("other\n", 20))
		}, anchor.Altered, anchor.Altered},
		{"the end changed", func(p *place) { p.overwrite(50, "X") }, anchor.Altered, anchor.Altered},
		{"changed by sed -i", func(p *place) {
			text, err := os.ReadFile(p.log)
			must(p.t, err)
			must(p.t, os.Rename(p.log, p.log+"~"))
			p.write(strings.Replace(string(text), "first", "FIRST", 1))
		}, anchor.Altered, anchor.Altered},
		{"rewritten in place", func(p *place) {
			text, err := os.ReadFile(p.log)
			must(p.t, err)
			must(p.t, os.Truncate(p.log, 0))
			p.once()
			p.write(strings.Replace(string(text), "first", "FIRST", 1))
		}, anchor.Altered, anchor.Altered},
		{"rotated, with the same beginning", func(p *place) {
			must(p.t, os.Rename(p.log, p.log+".1"))
			p.write("first " + strings.Repeat("line\n", 2) + "new\n")
		}, anchor.Intact, ""},
		{"rotated", func(p *place) { must(p.t, os.Rename(p.log, p.log+".1")); p.write("new\n") }, anchor.Intact, ""},
		{"copied and truncated", func(p *place) { must(p.t, os.Truncate(p.log, 0)); p.write("new\n") }, anchor.Intact, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			p.write("first " + strings.Repeat("line\n", 2))
			p.once()
			p.write(strings.Repeat("more\n", 10))
			p.once()
			tt.change(p)
			p.once()
			r := p.check(p.log, anchor.Choice{})
			if r.Verdict != tt.verdict {
				t.Errorf("%s, want %s: %+v", r.Verdict, tt.verdict, r)
			}
			switch {
			case (tt.before == "") != (len(r.Before) == 0):
				t.Errorf("before: %+v", r.Before)
			case len(r.Before) > 0 && r.Before[0].Verdict != tt.before:
				t.Errorf("before: %s, want %s: %+v", r.Before[0].Verdict, tt.before, r.Before)
			}
			if len(r.Others) > 0 || r.Rival != nil {
				t.Errorf("others: %+v, %+v", r.Others, r.Rival)
			}
		})
	}
}

// TestFollowedAnew: whoever changes a log and the state, too, gets a generation that fits; the anchors
// from before say so.
func TestFollowedAnew(t *testing.T) {
	p := newPlace(t)
	p.write(strings.Repeat("line\n", 2000))
	p.once()
	p.write(strings.Repeat("more\n", 2000))
	p.once()
	p.overwrite(12_000, "X")
	must(t, os.RemoveAll(p.folder))
	p.once()
	if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Altered || r.Rival == nil || r.Rival.Intact != 10_000 {
		t.Errorf("%+v", r)
	}
	p.overwrite(0, "X")
	must(t, os.RemoveAll(p.folder))
	p.once()
	if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || len(r.Others) != 2 {
		t.Errorf("%+v", r)
	}
}

// TestTwoLogsOfAName: other files of the same name are named, and are no change of this one, even where
// all begin with the same line.
func TestTwoLogsOfAName(t *testing.T) {
	p := newPlace(t)
	first := p.log
	for _, folder := range []string{"a", "b", "c"} {
		must(t, os.Mkdir(filepath.Join(filepath.Dir(first), folder), 0o700))
		p.log = filepath.Join(filepath.Dir(first), folder, "app.log")
		p.write("started\n")
		p.once()
		p.write(strings.Repeat("line of "+folder+"\n", 100))
		p.once()
	}
	for _, folder := range []string{"a", "b", "c"} {
		r := p.check(filepath.Join(filepath.Dir(first), folder, "app.log"), anchor.Choice{})
		if r.Verdict != anchor.Intact || r.Intact != 1008 || len(r.Others) != 2 || r.Rival != nil {
			t.Errorf("%s: %+v", folder, r)
		}
	}
}

// TestOldState puts an old state back, as a restored machine has it.
func TestOldState(t *testing.T) {
	p := newPlace(t)
	p.write("one\n")
	p.once()
	path := p.states()[0]
	old, err := os.ReadFile(path)
	must(t, err)
	p.write("two\n")
	p.once()
	must(t, os.WriteFile(path, old, 0o600))
	p.write("three\n")
	p.once()
	if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || r.Conflicts != 1 || r.Intact != 14 {
		t.Errorf("%+v", r)
	}
	p.overwrite(5, "X")
	if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Altered || r.Intact != 4 {
		t.Errorf("%+v", r)
	}
}

// TestRestartWhileRotated: the file was renamed while nobody followed, and is read to its end all the same.
func TestRestartWhileRotated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.write("one\n")
		p.once()
		p.write("two\n")
		must(t, os.Rename(p.log, p.log+".1"))
		p.write("three\n")
		p.once()
		if r := p.check(p.log+".1", anchor.Choice{}); r.Verdict != anchor.Intact || r.Intact != 8 || r.Next == nil {
			t.Errorf("%+v", r)
		}
		if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || r.Intact != 6 || r.Began != "rotated" {
			t.Errorf("%+v", r)
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p *place) overwrite(at int64, text string) {
	p.t.Helper()
	f, err := os.OpenFile(p.log, os.O_WRONLY, 0)
	must(p.t, err)
	_, err = f.WriteAt([]byte(text), at)
	must(p.t, errors.Join(err, f.Close()))
}

// TestTwice: the same anchor in two messages counts once, in the first block that it is in.
func TestTwice(t *testing.T) {
	p := newPlace(t)
	p.write("one\n")
	p.once()
	c := anchor.NewCollection()
	for _, height := range []uint64{0, 9, 7, 8} {
		c.Add(p.chain.payloads[0], core.Hash{byte(height)}, core.PublicKey{1}, anchor.Place{Height: height})
	}
	c.Add([]byte("{}"), core.Hash{1}, core.PublicKey{1}, anchor.Place{})
	r, err := c.Check(strings.NewReader("one\n"), 4, "app.log", anchor.Choice{})
	if err != nil || r.Verdict != anchor.Intact || r.Anchors != 1 || r.Conflicts != 0 || r.Waiting != 0 || r.Last.Height != 7 || c.Other != 1 {
		t.Errorf("%v, %+v, in block %d", err, r, r.Last.Height)
	}
}
