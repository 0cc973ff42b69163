package api

import (
	"context"
	"io"
	"net/http"
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

// A gate bounds how many requests do something at once for which the node keeps memory while their
// clients send or read. A newcomer that finds it full waits for a little, and takes the place of one
// whose client is further behind than patience. No client but this machine gets more than half.
type gate struct {
	size int
	wait time.Duration // how long a newcomer waits; 0: not at all

	mu      sync.Mutex // guards inside, clients
	inside  map[*conn]int
	total   int
	clients map[client]int
	left    chan struct{} // a poke for each place that becomes free
}

func newGate(size int, wait time.Duration) *gate {
	return &gate{size: size, wait: wait, inside: make(map[*conn]int), clients: make(map[client]int), left: make(chan struct{}, size)}
}

// enter takes a place, false if there is none in time. Whoever got one gives it back with leave.
func (g *gate) enter(ctx context.Context) bool {
	c := connOf(ctx)
	if entered, victim := g.try(c); entered {
		return true
	} else if g.wait == 0 {
		return false
	} else if victim != nil {
		victim.evict()
	}
	over, tick := time.NewTimer(g.wait), time.NewTicker(patience/10)
	defer over.Stop()
	defer tick.Stop()
	for {
		select {
		case <-g.left:
		case <-tick.C:
		case <-over.C:
			return false
		case <-ctx.Done():
			return false
		}
		entered, victim := g.try(c)
		if entered {
			return true
		}
		if victim != nil {
			victim.evict()
		}
	}
}

// try takes a place if there is one, or says whom to evict for it.
func (g *gate) try(c *conn) (entered bool, victim *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	who := client{local: true}
	if c != nil {
		who = c.client
	}
	if !who.local && g.clients[who] >= (g.size+1)/2 {
		return false, nil
	}
	if g.total < g.size {
		g.total++
		g.inside[c]++
		g.clients[who]++
		return true, nil
	}
	least := patience
	for other := range g.inside {
		if other == nil || other.evicted.Load() {
			continue
		}
		if owes := other.owes(other.table.now()); owes >= least {
			victim, least = other, owes
		}
	}
	return false, victim
}

// leave gives a place back.
func (g *gate) leave(ctx context.Context) {
	c := connOf(ctx)
	who := client{local: true}
	if c != nil {
		who = c.client
	}
	g.mu.Lock()
	g.total--
	drop(g.inside, c)
	drop(g.clients, who)
	g.mu.Unlock()
	select {
	case g.left <- struct{}{}:
	default: // as many pokes as places are on their way
	}
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
	n, err := b.ReadCloser.Read(p)
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
