package anchor_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/cmd/internal/anchor"
	"p2pchain/core/document"
)

func bytesReader(b []byte) io.ReaderAt { return bytes.NewReader(b) }

// want is what an anchor is expected to say.
type want struct {
	length, lines, partial, from uint64
	began                        string
}

func expect(t *testing.T, got []*document.Anchor, wants ...want) {
	t.Helper()
	if len(got) != len(wants) {
		t.Fatalf("%d anchors, want %d: %v", len(got), len(wants), got)
	}
	for i, w := range wants {
		a := got[i]
		if is := (want{a.Length, a.Lines, a.Partial, a.From, a.Began}); is != w {
			t.Errorf("anchor %d says %+v, want %+v", i, is, w)
		}
	}
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		stop := p.follow(p.config())
		time.Sleep(35 * time.Second) // nothing is there
		p.write("one\ntwo\nthr")
		time.Sleep(10 * time.Second)
		p.write("ee\n")
		time.Sleep(time.Minute) // nothing is written
		p.write("four")
		stop() // which looks a last time
		got := p.chain.anchors(t)
		expect(t, got, want{11, 2, 3, 0, "first"}, want{14, 3, 0, 11, "first"}, want{18, 3, 4, 14, "first"})
		text := "one\ntwo\nthree\nfour"
		for i, a := range got {
			if a.SHA256 != sha256.Sum256([]byte(text[:a.Length])) || a.Segment != sha256.Sum256([]byte(text[a.From:a.Length])) {
				t.Errorf("anchor %d has other hashes than its bytes", i)
			}
			if a.Log != "app.log" || a.Sequence != uint64(i+1) || a.Generation != got[0].Generation {
				t.Errorf("anchor %d: %v", i, a)
			}
			if i > 0 && a.Previous != sha256.Sum256(got[i-1].Encode()) {
				t.Errorf("anchor %d does not link to the one before", i)
			}
		}
		if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || r.Intact != 18 {
			t.Errorf("%+v", r)
		}
	})
}

func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.write("one\n")
		cfg := p.config()
		cfg.Heartbeat = time.Minute
		stop := p.follow(cfg)
		time.Sleep(125 * time.Second)
		stop()
		expect(t, p.chain.anchors(t), want{4, 1, 0, 0, "first"}, want{4, 1, 0, 4, "first"}, want{4, 1, 0, 4, "first"})
	})
}

// TestAway has the node away while the log grows: every look stays an anchor of its own, and all of them
// come in order, also after a restart.
func TestAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.chain.setAway(true)
		p.write("0\n")
		stop := p.follow(p.config())
		time.Sleep(time.Second) // so that no write comes together with a look
		for range 5 {
			time.Sleep(10 * time.Second)
			p.write("more\n")
		}
		time.Sleep(11 * time.Second)
		stop()
		if n := p.chain.count(); n != 0 {
			t.Fatalf("%d anchors came to a node that is away", n)
		}
		stop = p.follow(p.config())
		time.Sleep(time.Minute)
		p.write("and more\n")
		time.Sleep(time.Minute)
		p.chain.setAway(false)
		time.Sleep(time.Minute)
		stop()
		got := p.chain.anchors(t)
		if len(got) != 7 {
			t.Fatalf("%d anchors, want 7: %v", len(got), got)
		}
		for i, a := range got {
			if a.Sequence != uint64(i+1) {
				t.Errorf("in place %d is anchor %d", i, a.Sequence)
			}
		}
		var kinds []string
		for _, e := range p.events {
			if e.Kind != anchor.Anchored {
				kinds = append(kinds, e.Kind)
			}
		}
		if got := strings.Join(kinds, " "); got != "away kept away back" {
			t.Errorf("was told %q", got)
		}
	})
}

// TestQueueFull: what the disk does not take is not anchored, and nothing is lost: it is in the next one.
func TestQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.chain.setAway(true)
		p.write("0\n")
		cfg := p.config()
		cfg.QueueMost = 1500 // two anchors
		stop := p.follow(cfg)
		time.Sleep(time.Second)
		for range 10 {
			time.Sleep(10 * time.Second)
			p.write("more\n")
		}
		p.chain.setAway(false)
		time.Sleep(time.Minute)
		stop()
		got := p.chain.anchors(t)
		if len(got) >= 8 || len(got) < 3 {
			t.Fatalf("void: %d anchors", len(got))
		}
		if last := got[len(got)-1]; last.Length != 52 || last.Sequence != uint64(len(got)) {
			t.Errorf("the last is %v", last)
		}
		if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || r.Intact != 52 || r.Missing != 0 {
			t.Errorf("%+v", r)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	p := newPlace(t)
	p.chain.never = true
	p.write("0\n")
	if err := anchor.Follow(context.Background(), p.config()); !errors.Is(err, errNever) {
		t.Errorf("Follow = %v, want %v", err, errNever)
	}
	p.chain.never = false
	p.once()
	expect(t, p.chain.anchors(t), want{2, 1, 0, 0, "first"})
}

func TestOnce(t *testing.T) {
	p := newPlace(t)
	cfg := p.config()
	cfg.Once = true
	if err := anchor.Follow(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "not there") {
		t.Errorf("a look at no file: %v", err)
	}
	p.write("")
	p.once()
	p.once() // nothing new
	p.write("a\n")
	p.once()
	expect(t, p.chain.anchors(t), want{0, 0, 0, 0, "first"}, want{2, 1, 0, 0, "first"})
	cfg.Patterns = []string{t.TempDir() + "/*.log"}
	if err := anchor.Follow(context.Background(), cfg); err == nil {
		t.Error("a look at a pattern that nothing fits ends well")
	}
	cfg.Patterns = []string{t.TempDir()}
	if err := anchor.Follow(context.Background(), cfg); err == nil {
		t.Error("a look at a folder ends well")
	}
}

// TestSegments: a large file that is seen for the first time is anchored piece by piece.
func TestSegments(t *testing.T) {
	p := newPlace(t)
	p.write(strings.Repeat("0123456789abcde\n", 100_000))
	cfg := p.config()
	cfg.Once, cfg.Segment = true, 600_000
	if err := anchor.Follow(context.Background(), cfg); err != nil {
		t.Fatal(err)
	}
	expect(t, p.chain.anchors(t), want{600_000, 37_500, 0, 0, "first"}, want{1_200_000, 75_000, 0, 600_000, "first"},
		want{1_600_000, 100_000, 0, 1_200_000, "first"})
}

func TestTwoFollowers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.write("a\n")
		stop := p.follow(p.config())
		time.Sleep(time.Second)
		if err := anchor.Follow(context.Background(), p.config()); !errors.Is(err, anchor.ErrInUse) {
			t.Errorf("a second one: %v, want ErrInUse", err)
		}
		stop()
	})
}

// TestDamagedState: what cannot be trusted is set aside, and the log is seen as for the first time.
func TestDamagedState(t *testing.T) {
	p := newPlace(t)
	p.write("a\n")
	p.once()
	states := p.states()
	text, err := os.ReadFile(states[0])
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte(`"lines":1`), []byte(`"lines":2`), 1)
	if err := os.WriteFile(states[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	p.once()
	got := p.chain.anchors(t)
	expect(t, got, want{2, 1, 0, 0, "first"}, want{2, 1, 0, 0, "first"})
	if got[0].Generation == got[1].Generation {
		t.Error("it is the same generation")
	}
	if kept, err := os.ReadFile(states[0] + ".damaged"); err != nil || !bytes.Equal(kept, text) {
		t.Errorf("the damaged state is not kept: %v", err)
	}
}

// TestStateCannotBeWritten: without a state on disk nothing is sent, and nothing is lost.
func TestStateCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.write("one\n")
		stop := p.follow(p.config())
		time.Sleep(time.Second)
		inTheWay := p.states()[0] + ".new"
		must(t, os.Mkdir(inTheWay, 0o700))
		for range 3 {
			p.write("more\n")
			time.Sleep(10 * time.Second)
		}
		if n := p.chain.count(); n != 1 {
			t.Errorf("%d anchors, want the first one only", n)
		}
		must(t, os.Remove(inTheWay))
		time.Sleep(10 * time.Second)
		stop()
		expect(t, p.chain.anchors(t), want{4, 1, 0, 0, "first"}, want{19, 4, 0, 4, "first"})
		if r := p.check(p.log, anchor.Choice{}); r.Verdict != anchor.Intact || r.Intact != 19 {
			t.Errorf("%+v", r)
		}
		troubles := 0
		for _, e := range p.events {
			if e.Kind == anchor.Trouble {
				troubles++
			}
		}
		if troubles != 1 {
			t.Errorf("the same trouble was told %d times", troubles)
		}
	})
}

// TestOnceWhileAway holds that a single look ends, although the node refused an anchor before all logs were
// looked at.
func TestOnceWhileAway(t *testing.T) {
	p := newPlace(t)
	p.chain.setAway(true)
	dir := filepath.Dir(p.log)
	for i := range 300 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.many", i)), []byte("line\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := p.config()
	cfg.Once, cfg.Patterns = true, []string{filepath.Join(dir, "*.many")}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := anchor.Follow(ctx, cfg); !errors.Is(err, errAway) {
		t.Errorf("got %v, want that the node is away", err)
	}
	p.chain.setAway(false)
	if err := anchor.Follow(ctx, cfg); err != nil || p.chain.count() != 300 {
		t.Errorf("%v; %d anchors of 300", err, p.chain.count())
	}
}
