package api

import (
	"cmp"
	"context"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxHeaders bounds the memory of all headers that are not whole yet.
	maxHeaders = 2 << 20
	// maxSlow is how many clients may hold up their requests for longer than patience.
	maxSlow  = 64
	patience = time.Second
)

// A connTable knows all connections. Where there are too many, it closes those that are of least use:
// first the ones that do not send a request, then idle ones, then those whose client holds up its
// request. So clients that are slow, by fault or on purpose, never keep others out.
type connTable struct {
	most       int // connections
	mostIdle   int // of them without a whole request
	mostClient int // of one client that is not on this machine
	start      time.Time

	waiting atomic.Int64 // connections without a whole request
	headers atomic.Int64 // memory of their headers

	mu      sync.Mutex // guards open, clients
	open    map[*conn]struct{}
	clients map[client]int
}

func newConnTable(most, mostClient int) *connTable {
	return &connTable{
		most: most, mostIdle: max(1, most/8), mostClient: mostClient, start: time.Now(),
		open: make(map[*conn]struct{}), clients: make(map[client]int),
	}
}

// now returns the time on the table's clock, which is never 0.
func (t *connTable) now() int64 { return int64(time.Since(t.start)) + 1 }

// admit takes in a connection, nil if there is no place for it.
func (t *connTable) admit(raw net.Conn) *conn {
	c := &conn{Conn: raw, table: t, client: clientAt(raw.RemoteAddr())}
	c.since.Store(t.now())
	t.mu.Lock()
	if !c.client.local && t.clients[c.client] >= t.mostClient {
		t.mu.Unlock()
		return nil
	}
	victim, room := t.makeRoom()
	if room {
		t.open[c] = struct{}{}
		t.clients[c.client]++
		t.waiting.Add(1)
	}
	t.mu.Unlock()
	if victim != nil {
		victim.evict() // not under the lock, which Close takes
	}
	if !room {
		return nil
	}
	return c
}

// makeRoom chooses who has to go for one more connection, and reports whether it may come.
func (t *connTable) makeRoom() (victim *conn, room bool) {
	full := len(t.open) >= t.most
	if !full && int(t.waiting.Load()) < t.mostIdle {
		return nil, true
	}
	if victim = t.useless(); victim == nil && full {
		victim = t.slowest(patience)
	}
	return victim, !full || victim != nil
}

// useless marks the connection of least use among those without a whole request as cut, and returns it.
func (t *connTable) useless() *conn {
	now := t.now()
	return t.cut(func(a, b *conn) bool { return a.lessUseful(b, now) })
}

// cut marks the worst connection without a whole request as cut, and returns it; nil if there is none.
func (t *connTable) cut(worse func(a, b *conn) bool) *conn {
	for {
		var worst *conn
		for c := range t.open {
			if c.state.Load() == connWaits && (worst == nil || worse(c, worst)) {
				worst = c
			}
		}
		if worst == nil {
			return nil
		}
		if worst.state.CompareAndSwap(connWaits, connCut) {
			t.waiting.Add(-1)
			return worst
		}
	}
}

// lessUseful orders connections without a whole request: first those that had the time for one and
// never sent any, then idle ones, then those where something happened just now; each the oldest first.
func (c *conn) lessUseful(other *conn, now int64) bool {
	use := func(c *conn) int {
		switch {
		case now-c.since.Load() < int64(patience):
			return 2
		case c.served.Load():
			return 1
		}
		return 0
	}
	if a, b := use(c), use(other); a != b {
		return a < b
	}
	return c.since.Load() < other.since.Load()
}

// slowest returns the connection whose client is the furthest behind, if it is that far behind.
func (t *connTable) slowest(least time.Duration) *conn {
	var worst *conn
	now := t.now()
	for c := range t.open {
		if owes := c.owes(now); owes >= least && !c.evicted.Load() {
			worst, least = c, owes
		}
	}
	return worst
}

// keep counts memory of headers that are not whole, and makes room where it is too much: by the longest
// one, since a client that means well has a short one, which comes at once.
func (t *connTable) keep(size int64) {
	if t.headers.Add(size) <= maxHeaders {
		return
	}
	t.mu.Lock()
	victim := t.cut(func(a, b *conn) bool { return a.header.Load() > b.header.Load() })
	t.mu.Unlock()
	if victim != nil {
		victim.evict()
	}
}

// remove forgets a connection that is closed.
func (t *connTable) remove(c *conn) {
	if c.state.Swap(connCut) == connWaits {
		t.waiting.Add(-1)
	}
	c.forget()
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
	if t.clients[c.client]--; t.clients[c.client] <= 0 {
		delete(t.clients, c.client)
	}
}

// sweep lets the slowest clients go until no more than maxSlow hold up their requests.
func (t *connTable) sweep() {
	type slow struct {
		conn *conn
		owes time.Duration
	}
	var all []slow
	t.mu.Lock()
	now := t.now()
	for c := range t.open {
		if owes := c.owes(now); owes >= patience && !c.evicted.Load() {
			all = append(all, slow{c, owes})
		}
	}
	t.mu.Unlock()
	slices.SortFunc(all, func(a, b slow) int { return cmp.Compare(b.owes, a.owes) })
	for i := range max(0, len(all)-maxSlow) {
		all[i].conn.evict()
	}
}

// watch sweeps until ctx ends.
func (t *connTable) watch(ctx context.Context) {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.sweep()
		case <-ctx.Done():
			return
		}
	}
}

// A guardedListener hands out the connections that the table admits.
type guardedListener struct {
	net.Listener
	table *connTable
	plain bool // not the beginning of TLS
}

// Accept implements net.Listener.
func (l *guardedListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.table.admit(raw); c != nil {
			return c, nil
		}
		if l.plain && raw.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
			io.WriteString(raw, noPlace) // fits into the empty buffer of a new connection, so it does not wait
		}
		raw.Close() // the client sees that
	}
}

// noPlace is the answer to a connection for which there is no place.
const noPlace = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" +
	`{"type":"about:blank","title":"Service Unavailable","status":503,"code":"too_many_connections","detail":"this node has as many connections as it may"}` + "\n"
