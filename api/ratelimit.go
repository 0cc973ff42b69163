package api

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxBuckets bounds how many clients a limiter remembers. One that is forgotten starts anew, which
	// is worth less to it than the addresses that it takes to get there.
	maxBuckets = 4096

	// A client may try a wrong token every two seconds, after the first thirty; on this machine, where
	// all programs have one address, ten times as many.
	wrongTokenRate  = 0.5
	wrongTokenBurst = 30
	localGrace      = 10
)

// A client is who a limit is for: an address, or 64 bits of an IPv6 one, which is what one customer
// of a provider gets at least.
type client struct {
	addr  netip.Addr
	local bool // this machine
}

// clientAt returns the client at the other end of a connection.
func clientAt(addr net.Addr) client {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return client{local: true}
	}
	ip, _ := netip.AddrFromSlice(tcp.IP)
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return client{local: true}
	}
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			ip = prefix.Addr()
		}
	}
	return client{addr: ip}
}

// clientOf returns who makes a request. Headers that a proxy may add are not looked at: anybody can.
func clientOf(r *http.Request) client {
	if c := connOf(r.Context()); c != nil {
		return c.client
	}
	return client{local: true}
}

// A limiter is a token bucket for each client. It is safe for concurrent use.
type limiter struct {
	rate, burst float64 // a second, and at once
	local       float64 // how much more this machine may; 0: anything

	mu      sync.Mutex // guards buckets
	buckets map[client]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

func newLimiter(rate, burst, local float64) *limiter {
	return &limiter{rate: rate, burst: burst, local: local, buckets: make(map[client]bucket)}
}

// take takes one for a client and returns 0, or after how long there is one for it.
func (l *limiter) take(c client) time.Duration { return l.look(c, 1) }

// blocked returns 0 if take would, and takes nothing.
func (l *limiter) blocked(c client) time.Duration { return l.look(c, 0) }

func (l *limiter) look(c client, n float64) time.Duration {
	rate, burst := l.rate, l.burst
	if c.local {
		rate, burst = rate*l.local, burst*l.local
	}
	if rate == 0 {
		return 0
	}
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[c]
	if !known {
		b = bucket{burst, now}
	}
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*rate)
	b.at = now
	if b.left < 1 {
		return time.Duration((1 - b.left) / rate * float64(time.Second))
	}
	if n == 0 {
		return 0
	}
	b.left -= n
	if !known && len(l.buckets) >= maxBuckets {
		l.forget()
	}
	l.buckets[c] = b
	return 0
}

// forget makes room: the map's order picks who has to go.
func (l *limiter) forget() {
	for c := range l.buckets {
		delete(l.buckets, c)
		return
	}
}

// limitWrites returns the problem of a client that changes too much.
func (s *Server) limitWrites(r *http.Request) error {
	wait := s.changes.take(clientOf(r))
	if wait == 0 {
		return nil
	}
	p := tooMany("too_many_writes", "this node takes no more writes a second from one address; a batch is one")
	p.retry = wait
	return p
}

// tooMany is the problem of a client that has to slow down.
func tooMany(code, detail string) *Problem { return problem(http.StatusTooManyRequests, code, detail) }
