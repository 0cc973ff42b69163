package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/spool"
	"p2pchain/core/coretest/random"
)

// A ledger is a node as a delivery sees it: it may be down, answer nothing although it took a group, and
// takes each key once.
type ledger struct {
	random *rand.Rand            // nil: it never fails
	err    atomic.Pointer[error] // it is down
	keys   map[string]bool
	lines  []int
	failed int // times without an answer
	again  int // groups that it had already
}

func (l *ledger) send(ctx context.Context, g *spool.Group) error {
	time.Sleep(time.Millisecond)
	if err := l.err.Load(); err != nil {
		return *err
	}
	fate := 0
	if l.random != nil {
		fate = l.random.IntN(4)
	}
	if fate == 1 { // it never came
		l.failed++
		return client.ErrUnreachable
	}
	if l.keys[g.Key] {
		l.again++
	} else {
		l.keys[g.Key] = true
		for _, line := range g.Lines {
			l.lines = append(l.lines, line.Number)
		}
	}
	if fate == 2 { // nobody hears of it
		l.failed++
		return client.ErrUnreachable
	}
	return ctx.Err()
}

// newLedger returns a ledger of a node that is down for a reason, if there is one.
func newLedger(err error) *ledger {
	l := &ledger{keys: make(map[string]bool)}
	if err != nil {
		l.err.Store(&err)
	}
	return l
}

// deliver runs a delivery of some input, as addLines does.
func deliver(t *testing.T, folder string, l *ledger, most int64, in io.Reader, more context.Context) ([]string, error) {
	t.Helper()
	input, stop := context.WithCancel(t.Context())
	defer stop()
	path := spool.Name(folder, time.Now())
	var said []string
	g := newGatherer(spool.ID(path))
	d := &delivery{send: l.send, from: g, stop: stop, own: spool.New(path, most), say: func(format string, args ...any) {
		said = append(said, fmt.Sprintf(format, args...))
	}}
	var err error
	if d.left, err = spool.Leftovers(folder, most, func(path string, err error) { t.Errorf("%s: %v", path, err) }); err != nil {
		t.Fatal(err)
	}
	go g.run(input, client.Lines(in))
	err = d.run(t.Context(), more)
	return said, errors.Join(err, d.close())
}

// lines returns numbered lines, as text that comes in pieces with pauses.
func lines(from, to int, pause func() time.Duration) io.Reader {
	r, w := io.Pipe()
	go func() {
		defer w.Close()
		for i := from; i <= to; i++ {
			time.Sleep(pause())
			fmt.Fprintf(w, "line %d\n", i)
		}
	}()
	return r
}

func ascending(t *testing.T, got []int, n int) {
	t.Helper()
	for i, number := range got {
		if number != i+1 {
			t.Fatalf("line %d is in place %d", number, i+1)
		}
	}
	if len(got) != n {
		t.Errorf("%d lines came, want %d", len(got), n)
	}
}

// TestDeliveryThroughFailures loses questions and answers all the time: each line arrives once, in order.
func TestDeliveryThroughFailures(t *testing.T) {
	seed := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		rng := rand.New(rand.NewPCG(seed, 1))
		l := newLedger(nil)
		l.random = rand.New(rand.NewPCG(seed, 0))
		pause := func() time.Duration { return time.Duration(rng.IntN(20)) * time.Millisecond }
		more, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		said, err := deliver(t, folder, l, 1<<20, lines(1, 500, pause), more)
		if err != nil {
			t.Fatal(err)
		}
		ascending(t, l.lines, 500)
		if l.failed < 10 || l.again < 3 || len(said) < 2 {
			t.Errorf("void: %d failures, %d groups came again, said %q", l.failed, l.again, said)
		}
		if left, err := spool.List(folder); len(left) > 0 || err != nil {
			t.Errorf("files stay: %v, %v", left, err)
		}
	})
}

// TestDeliveryLater adds lines while the node is down, in two runs, and then flushes.
func TestDeliveryLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		l := newLedger(client.ErrUnreachable)
		at := func() time.Duration { return time.Millisecond }
		for i, want := range []int{10, 20} {
			_, err := deliver(t, folder, l, 1<<20, lines(10*i+1, 10*i+10, at), nil)
			kept, ok := errors.AsType[*keptError](err)
			if !ok || kept.lines != want || !errors.Is(err, client.ErrUnreachable) {
				t.Fatalf("run %d: %v, want %d lines kept", i, err, want)
			}
		}
		l.err.Store(nil)
		if _, err := deliver(t, folder, l, 1<<20, strings.NewReader(""), nil); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(l.lines); got != "[1 2 3 4 5 6 7 8 9 10 1 2 3 4 5 6 7 8 9 10]" {
			t.Errorf("lines %v", got) // each run counts its own
		}
	})
}

// TestDeliveryRefused keeps all lines where the node wants what it cannot be given, and stops reading.
func TestDeliveryRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		l := newLedger(client.ErrUnauthorized)
		input, done := io.Pipe()
		defer done.Close()
		go fmt.Fprint(done, "a\nb\nc\n") // and it stays open
		_, err := deliver(t, folder, l, 1<<20, input, t.Context())
		if kept, ok := errors.AsType[*keptError](err); !ok || kept.lines < 1 || !errors.Is(err, client.ErrUnauthorized) {
			t.Errorf("%v, want lines kept", err)
		}
	})
}

// TestDeliveryFull fills the spool: nothing more is read, and nothing is lost.
func TestDeliveryFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		l := newLedger(client.ErrBusy)
		time.AfterFunc(time.Minute, func() { l.err.Store(nil) })
		var read atomic.Int64
		in := lines(1, 3000, func() time.Duration { read.Add(1); return time.Millisecond })
		time.AfterFunc(50*time.Second, func() {
			if n := read.Load(); n < gatherLines || n > gatherLines+200 {
				t.Errorf("%d lines were read while there was no room", n)
			}
		})
		said, err := deliver(t, folder, l, 600, in, t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ascending(t, l.lines, 3000)
		if got := strings.Join(said, "\n"); !strings.Contains(got, "nothing more is read") {
			t.Errorf("said %q", got)
		}
	})
}

// TestDeliveryNowhere has neither a node nor a folder to write to: it gives up at the end of the input.
func TestDeliveryNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger(client.ErrUnreachable)
		folder := filepath.Join(t.TempDir(), "a\x00b")
		input, stop := context.WithCancel(t.Context())
		defer stop()
		g := newGatherer("x")
		d := &delivery{send: l.send, from: g, stop: stop, own: spool.New(folder, 1<<20), say: func(string, ...any) {}}
		go g.run(input, client.Lines(strings.NewReader("a\nb\n")))
		err := d.run(t.Context(), nil)
		if !errors.Is(err, client.ErrUnreachable) || !strings.Contains(err.Error(), "could not be kept") {
			t.Errorf("%v", err)
		}
	})
}
