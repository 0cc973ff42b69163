package client

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"unicode/utf8"
)

const (
	groupLines = 4096
	groupBytes = 1 << 20
)

// A group is a part of the messages as it is sent.
type group struct {
	body bytes.Buffer // NDJSON
	ends []int        // where each line ends in body
	line []int        // the number of each message
}

func (g *group) size() int  { return len(g.ends) }
func (g *group) full() bool { return g.size() >= groupLines || g.body.Len() >= groupBytes }

// add appends a payload.
func (g *group) add(number int, payload []byte) error {
	var v any = struct {
		Payload []byte `json:"payload_base64"`
	}{payload}
	if utf8.Valid(payload) {
		v = string(payload)
	}
	enc := json.NewEncoder(&g.body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	g.ends, g.line = append(g.ends, g.body.Len()), append(g.line, number)
	return nil
}

// only returns a group of some of the lines.
func (g *group) only(indices []int) *group {
	out := &group{}
	for _, i := range indices {
		start := 0
		if i > 0 {
			start = g.ends[i-1]
		}
		out.body.Write(g.body.Bytes()[start:g.ends[i]])
		out.ends, out.line = append(out.ends, out.body.Len()), append(out.line, g.line[i])
	}
	return out
}

// An inbox holds the group that is being filled. Whoever sends takes it as soon as there is anything
// in it, so nothing waits for more to come; whoever fills it waits while it is full.
type inbox struct {
	mu     sync.Mutex // guards next, closed
	next   *group
	closed bool

	filled, taken chan struct{} // pokes
}

func newInbox() *inbox {
	return &inbox{next: &group{}, filled: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
}

// put adds a payload, and waits as long as there is no room for another one.
func (b *inbox) put(ctx context.Context, number int, payload []byte) error {
	b.mu.Lock()
	err := b.next.add(number, payload)
	b.mu.Unlock()
	poke(b.filled)
	for err == nil && b.isFull() {
		select {
		case <-b.taken:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

func (b *inbox) isFull() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next.full()
}

// close says that nothing more will be put.
func (b *inbox) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	poke(b.filled)
}

// take waits for a group with anything in it; nil is the end.
func (b *inbox) take(ctx context.Context) (*group, error) {
	for {
		if g, closed := b.swap(); g != nil {
			poke(b.taken)
			return g, nil
		} else if closed {
			return nil, nil
		}
		select {
		case <-b.filled:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// swap returns what is in the inbox, nil if that is nothing, and whether it is closed.
func (b *inbox) swap() (*group, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next.size() == 0 {
		return nil, b.closed
	}
	g := b.next
	b.next = &group{}
	return g, b.closed
}

func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it has not looked since the last poke
	}
}
