package api

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	slabBytes = 1 << 20 // of events; also the most that is written to a client at once
	maxSlabs  = 16      // are kept for replay
)

// An eventLog holds the last events, each encoded once, for all clients together: they read on from
// positions of their own, so a slow one costs the same as a fast one and is held up by nobody. What
// it is too late for is gone. It is safe for concurrent use.
type eventLog struct {
	run string // a name that no other start of the node has; part of every id

	mu    sync.Mutex // guards what is below
	slabs []*slab    // oldest first, at least one
	next  uint64     // number of the next event; the first one is 1
	grown chan struct{}
}

// A slab is some events one after the other, as Server-Sent Events. Its bytes never change, so
// clients write them to the network without a copy.
type slab struct {
	first uint64 // number of its first event
	buf   []byte
	marks []mark
}

// A mark says where an event stands in the bytes of its slab.
type mark struct {
	start, data, end uint32 // data ends two line ends before the end
	kind             eventKind
}

func newEventLog() *eventLog {
	var run [4]byte
	rand.Read(run[:]) // never fails
	return &eventLog{
		run: hex.EncodeToString(run[:]), next: 1,
		slabs: []*slab{{first: 1}}, grown: make(chan struct{}),
	}
}

// id returns the name of an event.
func (l *eventLog) id(number uint64) string { return l.run + "-" + strconv.FormatUint(number, 10) }

// An event is what the hub has to tell.
type event struct {
	kind eventKind
	data []byte // JSON on one line
}

// add appends events and wakes who waits for one.
func (l *eventLog) add(events []event) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range events {
		l.append(e)
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

func (l *eventLog) append(e event) {
	last := l.slabs[len(l.slabs)-1]
	if len(last.buf)+len(e.data)+128 > slabBytes && len(last.marks) > 0 {
		last = &slab{first: l.next}
		l.slabs = append(l.slabs, last)
		if len(l.slabs) > maxSlabs {
			l.slabs = slices.Delete(l.slabs, 0, len(l.slabs)-maxSlabs)
		}
	}
	m := mark{start: uint32(len(last.buf)), kind: e.kind}
	last.buf = appendSSEHead(last.buf, l.run, l.next, e.kind)
	m.data = uint32(len(last.buf))
	last.buf = append(append(last.buf, e.data...), "\n\n"...)
	m.end = uint32(len(last.buf))
	last.marks = append(last.marks, m)
	l.next++
}

// appendSSEHead appends all of a Server-Sent Event that stands in front of its data.
func appendSSEHead(b []byte, run string, number uint64, kind eventKind) []byte {
	b = append(append(append(b, "id: "...), run...), '-')
	b = strconv.AppendUint(b, number, 10)
	return append(append(append(b, "\nevent: "...), kind.String()...), "\ndata: "...)
}

// appendNDJSON appends an event as a line.
func appendNDJSON(b []byte, run string, number uint64, kind eventKind, data []byte) []byte {
	b = append(append(append(b, `{"id":"`...), run...), '-')
	b = strconv.AppendUint(b, number, 10)
	b = append(append(append(b, `","event":"`...), kind.String()...), `","data":`...)
	return append(append(b, data...), "}\n"...)
}

// cut forgets all events, and skips a number, so that nobody reads on as if nothing was missing.
func (l *eventLog) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	l.slabs = []*slab{{first: l.next}}
	close(l.grown)
	l.grown = make(chan struct{})
}

// end returns the number of the next event.
func (l *eventLog) end() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// last returns the id of the last event.
func (l *eventLog) last() string { return l.id(l.end() - 1) }

// oldest returns the id to name for a replay of all that is here.
func (l *eventLog) oldest() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.id(l.slabs[0].first - 1)
}

// after returns the number of the event that follows one named by its id. An empty reason means that
// it and all after it are here; else it says why not, and the number is that of the next event.
func (l *eventLog) after(id string) (uint64, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	run, number, ok := parseEventID(id)
	switch {
	case !ok:
		return l.next, ResetUnknown
	case run != l.run:
		return l.next, ResetRestarted
	case number >= l.next:
		return l.next, ResetUnknown
	case number+1 < l.slabs[0].first:
		return l.next, ResetForgotten
	}
	return number + 1, ""
}

// parseEventID reads RUN-NUMBER.
func parseEventID(id string) (run string, number uint64, ok bool) {
	run, digits, found := strings.Cut(id, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	return run, number, found && run != "" && err == nil
}

// A piece is what the log has for a client that stands at some event.
type piece struct {
	bytes  []byte          // nobody may change them
	next   uint64          // where the client stands then
	grown  <-chan struct{} // closed when there is more, where there is nothing now
	gone   bool            // the event is not here any more
	copied *[]byte         // where bytes are a copy in a buffer of the hub: to be given back
}

// read returns events from a number on, all kinds of them as Server-Sent Events: the rest of a slab.
func (l *eventLog) read(from uint64) piece {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, p := l.find(from)
	if s == nil {
		return p
	}
	return piece{bytes: s.buf[s.marks[from-s.first].start:], next: s.first + uint64(len(s.marks))}
}

// find returns the slab of an event, or what to say where there is none. The caller holds mu.
func (l *eventLog) find(from uint64) (*slab, piece) {
	if from < l.slabs[0].first {
		return nil, piece{gone: true}
	}
	if from >= l.next {
		return nil, piece{next: from, grown: l.grown}
	}
	i, found := slices.BinarySearchFunc(l.slabs, from, func(s *slab, n uint64) int {
		return int(int64(s.first) - int64(n))
	})
	if !found {
		i--
	}
	return l.slabs[i], piece{}
}

// choose is read for some kinds only, or as lines: it appends a copy to buf, up to limit bytes if that
// is more than one event.
func (l *eventLog) choose(from uint64, kinds kindSet, lines bool, buf []byte, limit int) piece {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := from
	for {
		s, p := l.find(next)
		if s == nil {
			p.bytes, p.next = buf, next
			return p
		}
		for _, m := range s.marks[next-s.first:] {
			if !kinds.has(m.kind) {
				next++
				continue
			}
			if len(buf) > 0 && len(buf)+int(m.end-m.start) > limit {
				return piece{bytes: buf, next: next}
			}
			if lines {
				buf = appendNDJSON(buf, l.run, next, m.kind, s.buf[m.data:m.end-2])
			} else {
				buf = append(buf, s.buf[m.start:m.end]...)
			}
			next++
		}
	}
}
