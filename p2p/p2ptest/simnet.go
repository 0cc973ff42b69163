package p2ptest

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/marcopolo/simnet"
)

// simPort is the port of everybody on a simulated network.
const simPort = 4001

// A SimNet is a network that exists only in a test, in virtual time: QUIC packets of real hosts go
// through a router that delays, loses, doubles and reorders them as its Links say, and that can be
// cut into parts. It is made and used inside a synctest bubble, whose clock moves on when everybody
// waits; what is computed takes no time.
//
//	synctest.Test(t, func(t *testing.T) {
//		s := p2ptest.Sim(t, seed, p2ptest.Links{Latency: 50 * time.Millisecond, Loss: 0.05})
//		a, b := s.Host(), s.Host()
//		p2ptest.Join(t, a, b)
//		s.Within(10*time.Second, "connected", func() bool { return len(b.Network().Peers()) == 1 })
//		s.Happened(1, "lost")
//	})
//
// What a seed fixes: the latency of every link, what becomes of the n-th packet on each direction of
// a link, all keys and addresses, and what Random draws. What it cannot fix: in which order goroutines that are ready at the
// same virtual instant run, hence how many packets a node sends and which of them is the n-th; and
// what the nodes, QUIC and pubsub draw for themselves. So a seed gives the same adversity again, and
// almost always the same outcome, not the same run bit by bit. The pure simulation of p2p/syncer does
// that.
//
// Its methods are safe for concurrent use by goroutines of the bubble.
type SimNet struct {
	t     testing.TB
	seed  uint64
	links Links
	start time.Time
	wake  chan struct{} // of capacity 1: the router should look at its queue again

	mu     sync.Mutex // guards what is below
	ends   map[netip.AddrPort]*simEnd
	pipes  map[simPath]*simPipe
	parts  map[netip.Addr]int // the part of the network that an address is in
	queue  simQueue
	order  uint64
	next   int // number of the next seat
	counts SimCounts
}

// Sim returns a network whose router runs until the test ends. The seed is logged.
func Sim(t testing.TB, seed uint64, links Links) *SimNet {
	t.Helper()
	t.Logf("simulated network with seed %d", seed)
	s := &SimNet{
		t: t, seed: seed, links: links, start: time.Now(), wake: make(chan struct{}, 1),
		ends: make(map[netip.AddrPort]*simEnd), pipes: make(map[simPath]*simPipe), parts: make(map[netip.Addr]int),
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		s.run(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return s
}

// Elapsed returns the virtual time since the network began.
func (s *SimNet) Elapsed() time.Duration { return time.Since(s.start) }

// SetLinks changes what happens to packets from now on.
func (s *SimNet) SetLinks(links Links) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.links = links
}

// Partition cuts the network: packets pass only between the seats of one group, given by their numbers.
// Those that are in none are one more group together.
func (s *SimNet) Partition(groups ...[]int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.parts)
	for i, group := range groups {
		for _, seat := range group {
			s.parts[simIP(seat)] = i + 1
		}
	}
	s.counts.Partitions++
}

// Heal makes the network one again.
func (s *SimNet) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.parts)
}

// Host opens a bare host on the next seat, for peers that are no nodes. It closes with the test.
func (s *SimNet) Host(options ...libp2p.Option) host.Host {
	s.t.Helper()
	seat := s.Seat()
	h, err := libp2p.New(slices.Concat([]libp2p.Option{
		libp2p.Identity(seat.Key()), libp2p.ListenAddrStrings(seat.Listen()), libp2p.DisableMetrics(), libp2p.DisableRelay(),
		libp2p.ResourceManager(&network.NullResourceManager{}),
	}, seat.Options(), options)...)
	if err != nil {
		s.t.Fatalf("host %d: %v", seat.Index(), err)
	}
	s.t.Cleanup(func() {
		h.Close()
		if err := seat.Close(); err != nil {
			s.t.Errorf("host %d: %v", seat.Index(), err)
		}
	})
	return h
}

// route takes a packet from a socket.
func (s *SimNet) route(from *simEnd, to netip.AddrPort, size int, packet *simnet.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	pipe := s.pipe(simPath{from.addr.Addr(), to.Addr()})
	s.counts.Sent++
	s.counts.Bytes += int64(size)
	pipe.bytes += int64(size)
	copies := pipe.next(s.links) // drawn in any case: a cut must not shift the fates after it
	if s.ends[from.addr] != from || s.ends[to] == nil {
		s.counts.Dead++
		return
	}
	if s.cut(pipe.path) {
		s.counts.Cut++
		return
	}
	wait, ok := from.way.wait(now, size, s.links.BitsPerSecond)
	if !ok {
		s.counts.Overflowed++
		return
	}
	if len(copies) == 0 {
		s.counts.Lost++
	}
	for i, took := range copies {
		s.order++
		s.queue.push(simParcel{
			at: now.Add(wait + took), order: s.order, number: pipe.sent, pipe: pipe, to: s.ends[to], copied: i > 0, packet: packet,
		})
	}
	s.poke()
}

func (s *SimNet) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to look
	}
}

// pipe is called with mu held.
func (s *SimNet) pipe(path simPath) *simPipe {
	p, ok := s.pipes[path]
	if !ok {
		p = newSimPipe(s.seed, path)
		s.pipes[path] = p
	}
	return p
}

// cut is called with mu held.
func (s *SimNet) cut(path simPath) bool { return s.parts[path.from] != s.parts[path.to] }

// run delivers packets until stop.
func (s *SimNet) run(stop <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, wait := s.due(time.Now())
		for _, p := range due {
			p.to.SimConn.RecvPacket(p.packet) // waits only for a reader that is busy now
		}
		timer.Reset(wait)
		select {
		case <-stop:
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// due returns the packets that arrive now, and for how long none will.
func (s *SimNet) due(now time.Time) (due []simParcel, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 && !s.queue[0].at.After(now) {
		p := s.queue.pop()
		switch {
		case s.ends[p.to.addr] != p.to: // it crashed meanwhile
			s.counts.Dead++
			continue
		case s.cut(p.pipe.path):
			s.counts.Cut++
			continue
		case p.copied:
			s.counts.Duplicated++
		case p.number < p.pipe.arrived:
			s.counts.Reordered++
		}
		p.pipe.arrived = max(p.pipe.arrived, p.number)
		s.counts.Delivered++
		due = append(due, p)
	}
	if len(s.queue) == 0 {
		return due, time.Hour
	}
	return due, s.queue[0].at.Sub(now)
}

var _ net.PacketConn = (*simEnd)(nil)
