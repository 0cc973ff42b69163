package api

import (
	"context"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// Slots bound how much of one kind goes on at once.
type slots chan struct{}

// try takes a slot if one is free.
func (s slots) try() bool {
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// wait takes a slot as soon as one is free, if that is before ctx ends.
func (s slots) wait(ctx context.Context) bool {
	select {
	case s <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s slots) release() { <-s }

// A share bounds how many of some slots one other machine has or waits for. It is safe for concurrent use.
type share struct {
	most int
	mu   sync.Mutex // guards has
	has  map[client]int
}

func newShare(most int) *share { return &share{most: most, has: make(map[client]int)} }

// take takes one if the client may have one more.
func (s *share) take(who client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !who.local && s.has[who] >= s.most {
		return false
	}
	s.has[who]++
	return true
}

func (s *share) give(who client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	drop(s.has, who)
}

// A gate bounds how many requests do something at once for which the node keeps memory while their
// clients send or read. A newcomer that finds it full waits for a little, and takes the place of one
// whose client is further behind than patience. The newest is served first: those before it may be
// slow themselves; of more than size that wait the oldest has to go. No client but this machine gets
// more than half.
type gate struct {
	size int
	wait time.Duration // how long a newcomer waits; 0: not at all

	mu      sync.Mutex // guards all below
	inside  map[*conn]int
	total   int
	clients map[client]int // places of each, and those that it waits for
	queue   []chan bool    // those that wait, the newest last; they get true with a place
}

func newGate(size int, wait time.Duration) *gate {
	return &gate{size: size, wait: wait, inside: make(map[*conn]int), clients: make(map[client]int)}
}

// enter takes a place, false if there is none in time. Whoever got one gives it back with leave.
func (g *gate) enter(ctx context.Context) bool {
	c, who := g.guest(ctx)
	turn, entered := g.try(c, who)
	if entered || turn == nil {
		return entered
	}
	kept := g.queued(ctx, turn)
	g.mu.Lock()
	defer g.mu.Unlock()
	if kept {
		g.inside[c]++
	} else {
		drop(g.clients, who)
	}
	return kept
}

// queued waits in the queue, and reports whether a place was kept in the end.
func (g *gate) queued(ctx context.Context, turn chan bool) bool {
	over, tick := time.NewTimer(g.wait), time.NewTicker(patience/10)
	defer over.Stop()
	defer tick.Stop()
	for {
		if victim := g.slowest(); victim != nil {
			victim.evict()
		}
		select {
		case kept := <-turn:
			return kept
		case <-tick.C:
		case <-over.C:
			return g.giveUp(turn)
		case <-ctx.Done():
			if g.giveUp(turn) { // too late to want it
				g.free()
			}
			return false
		}
	}
}

// guest returns who enters.
func (g *gate) guest(ctx context.Context) (*conn, client) {
	if c := connOf(ctx); c != nil {
		return c, c.client
	}
	return nil, client{local: true}
}

// try takes a place if there is one, or queues for it if that is allowed.
func (g *gate) try(c *conn, who client) (turn chan bool, entered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !who.local && g.clients[who] >= (g.size+1)/2 {
		return nil, false
	}
	if g.total < g.size {
		g.total++
		g.inside[c]++
		g.clients[who]++
		return nil, true
	}
	if g.wait == 0 {
		return nil, false
	}
	if len(g.queue) >= g.size {
		g.queue[0] <- false
		g.queue = slices.Delete(g.queue, 0, 1)
	}
	turn = make(chan bool, 1)
	g.queue = append(g.queue, turn)
	g.clients[who]++ // who waits counts, or he would have more than half in the end
	return turn, false
}

// giveUp leaves the queue, and reports whether a place had been kept by then.
func (g *gate) giveUp(turn chan bool) (kept bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := slices.Index(g.queue, turn); at >= 0 {
		g.queue = slices.Delete(g.queue, at, at+1)
		return false
	}
	return <-turn
}

// slowest returns whom to evict, nil if nobody inside is slow enough.
func (g *gate) slowest() (worst *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	least := patience
	for c := range g.inside {
		if c == nil || c.evicted.Load() {
			continue
		}
		if owes := c.owes(c.table.now()); owes >= least {
			worst, least = c, owes
		}
	}
	return worst
}

// leave gives a place back.
func (g *gate) leave(ctx context.Context) {
	c, who := g.guest(ctx)
	g.mu.Lock()
	drop(g.inside, c)
	drop(g.clients, who)
	g.mu.Unlock()
	g.free()
}

// free hands a place to the newest that waits for one.
func (g *gate) free() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if last := len(g.queue) - 1; last >= 0 {
		g.queue[last] <- true
		g.queue = g.queue[:last]
		return
	}
	g.total--
}

// len returns how many are inside.
func (g *gate) len() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.total
}

// drop counts down, to nothing.
func drop[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// A body is the body of a request, which takes a place among all that are being read.
type body struct {
	io.ReadCloser
	ctx    context.Context
	conn   *conn
	places *gate
	inside bool
}

// follow returns a request whose body takes a place while it is read, and what gives that back in the
// end. It is another request, since the server looks at the body of its own.
func (s *Server) follow(r *http.Request) (*http.Request, func()) {
	c := connOf(r.Context())
	if c == nil || r.Body == nil || r.Body == http.NoBody {
		return r, func() {}
	}
	b := &body{ReadCloser: r.Body, ctx: r.Context(), conn: c, places: s.bodies}
	r = r.WithContext(r.Context())
	r.Body = b
	return r, b.done
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if !b.inside {
		if !b.places.enter(b.ctx) {
			return 0, busy("too_many_bodies", "as many requests as this node allows are being read")
		}
		b.inside = true
	}
	b.conn.in.begin(b.conn.table.now())
	n, err := 0, error(os.ErrDeadlineExceeded)
	if !b.conn.evicted.Load() { // whoever reads gives each piece new time, also to a client that was evicted before
		n, err = b.ReadCloser.Read(p)
	}
	b.conn.in.end(b.conn.table.now(), n)
	if err != nil {
		b.done()
	}
	return n, err
}

// done gives the place back.
func (b *body) done() {
	if b.inside {
		b.inside = false
		b.places.leave(b.ctx)
	}
}
