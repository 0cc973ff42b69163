package api

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// fill adds events with these many bytes of data each.
func fill(l *eventLog, count, size int) {
	data := []byte(`"` + strings.Repeat("x", size-2) + `"`)
	for i := range count {
		l.add([]event{{eventKind(i % 3), data}})
	}
}

// TestEventLogReads holds what is read, by whatever way, to what was added, over the borders of slabs.
func TestEventLogReads(t *testing.T) {
	l := newEventLog()
	fill(l, 3000, 1000) // three slabs
	var whole []byte
	pieces := 0
	for next := uint64(1); next < l.end(); pieces++ {
		p := l.read(next)
		if p.gone || len(p.bytes) == 0 || len(p.bytes) > slabBytes || p.next <= next {
			t.Fatalf("at %d: %d bytes, next %d, gone %v", next, len(p.bytes), p.next, p.gone)
		}
		whole = append(whole, p.bytes...)
		next = p.next
	}
	if pieces != 3 || bytes.Count(whole, []byte("\n\n")) != 3000 {
		t.Errorf("%d events in %d pieces", bytes.Count(whole, []byte("\n\n")), pieces)
	}
	for _, tt := range []struct {
		name  string
		kinds kindSet
		lines bool
		limit int
		each  string
		want  int
	}{
		{"all", allKinds, false, slabBytes, "\n\n", 3000},
		{"lines", allKinds, true, slabBytes, "}\n", 3000},
		{"one kind", 1 << kindBlock, false, slabBytes, "event: block\n", 1000},
		{"one at a time", 1 << kindBlock, false, 1, "event: block\n", 1000},
		{"none of them", 1 << kindPeer, true, 1, "}\n", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []byte
			next := uint64(1)
			for p := l.choose(next, tt.kinds, tt.lines, nil, tt.limit); ; p = l.choose(next, tt.kinds, tt.lines, nil, tt.limit) {
				if tt.limit == 1 && bytes.Count(p.bytes, []byte(tt.each)) > 1 {
					t.Fatal("more than one event")
				}
				got = append(got, p.bytes...)
				if next = p.next; p.grown != nil {
					break
				}
			}
			if n := bytes.Count(got, []byte(tt.each)); n != tt.want || next != l.end() {
				t.Errorf("%d events up to %d, want %d", n, next, tt.want)
			}
			if tt.name == "all" && !bytes.Equal(got, whole) {
				t.Error("the copy differs")
			}
		})
	}
}

// TestEventLogForgets: the log takes as much memory as it may and no more, and knows what it has.
func TestEventLogForgets(t *testing.T) {
	l := newEventLog()
	early := l.read(1)
	fill(l, 1, 100)
	select {
	case <-early.grown:
	default:
		t.Fatal("nobody is woken")
	}
	kept := l.read(1).bytes
	before := string(kept)
	fill(l, 30_000, 1000)
	size := 0
	for _, s := range l.slabs {
		size += cap(s.buf)
	}
	if len(l.slabs) != maxSlabs || size > maxSlabs*slabBytes*3/2 {
		t.Errorf("%d slabs of %d bytes", len(l.slabs), size)
	}
	if string(kept) != before {
		t.Error("what a client has changed under it")
	}
	if !l.read(1).gone || !l.choose(1, allKinds, true, nil, 1).gone {
		t.Error("the first event is still here")
	}
	first := l.slabs[0].first
	for _, tt := range []struct {
		number uint64
		next   uint64
		reason string
	}{
		{first - 2, l.end(), ResetForgotten}, {first - 1, first, ""}, {l.end() - 1, l.end(), ""}, {l.end(), l.end(), ResetUnknown},
	} {
		if next, reason := l.after(l.id(tt.number)); next != tt.next || reason != tt.reason {
			t.Errorf("after %d comes %d %q, want %d %q", tt.number, next, reason, tt.next, tt.reason)
		}
	}
	if l.oldest() != l.id(first-1) {
		t.Errorf("oldest %s, want %s", l.oldest(), l.id(first-1))
	}
	at := l.end()
	l.cut()
	if p := l.read(at); !p.gone {
		t.Error("a gap that nobody notices")
	}
}

func FuzzEventID(f *testing.F) {
	for _, id := range []string{"1f2e3d4c-7", "-7", "a-", "a--1", "a-18446744073709551615", "a-18446744073709551616", "é-1"} {
		f.Add(id)
	}
	l := newEventLog()
	fill(l, 10, 100)
	f.Fuzz(func(t *testing.T, id string) {
		run, number, ok := parseEventID(id)
		if ok && (run == "" || strings.Contains(run, "-")) {
			t.Errorf("%q is of run %q", id, run)
		}
		next, reason := l.after(id)
		if next < 1 || next > l.end() || (reason == "") != (ok && run == l.run && number < l.end()) {
			t.Errorf("after %q comes %d %q", id, next, reason)
		}
		if reason == "" && fmt.Sprint(number+1) != fmt.Sprint(next) {
			t.Errorf("after %q comes %d", id, next)
		}
	})
}
