package p2p

import (
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/p2p/exchange"
)

// A Table keeps the connected peers and what they said in their hellos. It is safe for concurrent
// use and never waits for anything.
//
// Whoever follows it is poked after a change and pulls Ready; a session number that is new says that
// the peer was gone in between.
type Table struct {
	mu       sync.Mutex // guards all below
	entries  map[peer.ID]*entry
	sessions uint64
	pokes    map[chan struct{}]struct{}
}

// An entry is a connected peer.
type entry struct {
	session uint64
	conns   []string // ids of its connections at the last look
	inbound bool     // who made the first of them
	addrs   []string // of the other end
	seat    seat
	since   time.Time

	ready  bool // past hello
	hello  exchange.Hello
	offset time.Duration // its clock minus ours
	rtt    time.Duration // of the last hello that we asked for
}

func newTable() *Table {
	return &Table{entries: make(map[peer.ID]*entry), pokes: make(map[chan struct{}]struct{})}
}

// Ready returns the peers that are past hello, the longest connected first. Introducers are none of
// them: nothing of what peers are for can be had from one.
func (t *Table) Ready() []exchange.Remote {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []exchange.Remote
	for id, e := range t.entries {
		if e.ready && !e.hello.Introducer {
			out = append(out, exchange.Remote{ID: id, Session: e.session, Hello: e.hello})
		}
	}
	slices.SortFunc(out, func(a, b exchange.Remote) int { return int(int64(a.Session - b.Session)) })
	return out
}

// Subscribe returns a channel of capacity 1 that is poked when a peer becomes ready, says hello
// again, or goes, and a function that ends this.
func (t *Table) Subscribe() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pokes[ch] = struct{}{}
	return ch, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.pokes, ch)
	}
}

// poke is called with mu held.
func (t *Table) poke() {
	for ch := range t.pokes {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last poke
		}
	}
}

// look takes in a peer's connections, none if it is gone. It returns the session of the peer, 0 if
// it is gone, and whether that session is new: the peer is too, or all that it had was replaced.
func (t *Table) look(p peer.ID, conns []network.Conn, now time.Time) (session uint64, isNew bool) {
	ids := make([]string, len(conns))
	addrs := make([]string, len(conns))
	for i, c := range conns {
		ids[i], addrs[i] = c.ID(), c.RemoteMultiaddr().String()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[p]
	if e != nil && slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(e.conns, id) }) {
		e.conns, e.addrs = ids, addrs
		return e.session, false
	}
	if e != nil {
		delete(t.entries, p)
		t.poke()
	}
	if len(conns) == 0 {
		return 0, false
	}
	t.sessions++
	e = &entry{
		session: t.sessions, conns: ids, addrs: addrs, since: now,
		inbound: conns[0].Stat().Direction == network.DirInbound,
	}
	e.seat = seat{id: p, inbound: e.inbound, since: e.session}
	e.seat.place(conns[0].RemoteMultiaddr())
	t.entries[p] = e
	return t.sessions, true
}

// seats lists all peers as takers of a place.
func (t *Table) seats() []seat {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]seat, 0, len(t.entries))
	for _, e := range t.entries {
		out = append(out, e.seat)
	}
	return out
}

// greet takes in a hello of a peer of our network. It reports whether the peer has become ready by
// it; a peer that is not connected any more does not.
func (t *Table) greet(p peer.ID, h exchange.Hello, offset, rtt time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[p]
	if e == nil {
		return false
	}
	first := !e.ready
	e.ready, e.hello, e.offset = true, h, offset
	if rtt > 0 {
		e.rtt = rtt
	}
	t.poke()
	return first
}

// connected lists all peers in the table.
func (t *Table) connected() []peer.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]peer.ID, 0, len(t.entries))
	for p := range t.entries {
		out = append(out, p)
	}
	return out
}

// isReady reports whether a peer is past hello.
func (t *Table) isReady(p peer.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[p]
	return e != nil && e.ready
}

// skew returns how far our clock is ahead of the median of the peers' clocks, and how many these
// are.
func (t *Table) skew() (time.Duration, int) {
	t.mu.Lock()
	var offsets []time.Duration
	for _, e := range t.entries {
		if e.ready && !e.hello.Introducer {
			offsets = append(offsets, e.offset)
		}
	}
	t.mu.Unlock()
	if len(offsets) == 0 {
		return 0, 0
	}
	slices.Sort(offsets)
	middle := len(offsets) / 2
	median := offsets[middle]
	if len(offsets)%2 == 0 {
		median = (median + offsets[middle-1]) / 2
	}
	return -median, len(offsets)
}

// readyIDs lists the peers past hello, introducers too.
func (t *Table) readyIDs() []peer.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []peer.ID
	for p, e := range t.entries {
		if e.ready {
			out = append(out, p)
		}
	}
	return out
}

// roleOf says what a peer past hello is; one that is not is neither.
func (t *Table) roleOf(p peer.ID) (member, introducer bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.entries[p]
	if e == nil || !e.ready {
		return false, false
	}
	return !e.hello.Introducer, e.hello.Introducer
}

// peers describes the peers past hello: introducers, or all others.
func (t *Table) peers(introducers bool) []Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Peer
	for id, e := range t.entries {
		if !e.ready || e.hello.Introducer != introducers {
			continue
		}
		direction := Outbound
		if e.inbound {
			direction = Inbound
		}
		out = append(out, Peer{
			ID: id.String(), Addrs: slices.Clone(e.addrs), Direction: direction, Agent: e.hello.Agent,
			Tip: e.hello.Tip, Height: e.hello.Height, Work: e.hello.Work, LowestFull: e.hello.LowestFull,
			Latency: e.rtt, ClockOffset: e.offset, ConnectedSince: e.since,
		})
	}
	slices.SortFunc(out, func(a, b Peer) int { return a.ConnectedSince.Compare(b.ConnectedSince) })
	return out
}
