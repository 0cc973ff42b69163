package bootstrap

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	maxDials = 4 // at once

	// Neither seeds nor peers may use the last of the maxDials places, so that dead anchors cannot hold
	// up the seeds for a whole DialTimeout, nor dead seeds the peers of the local network.
	maxDialsOfKind = maxDials - 1

	// A connection that ends sooner counts as a failed dial: it is what a peer of another network or a
	// peer that is full looks like, and without this it would be dialled for ever at the fastest rate.
	stableAfter = 10 * time.Second

	maxPending     = 64               // peers heard on the local network and not connected yet
	heardRetry     = 15 * time.Second // a peer that still announces itself is tried at least this often
	forgetAfter    = 3 * time.Minute  // one that does not is forgotten, unless the book has it
	peerRetryMax   = 5 * time.Minute  // slowest rate of a peer of the book
	maxKickDelay   = time.Second      // new tries after a change of the network spread over this time
	higherIDWaits  = time.Second      // of two peers that hear each other, one dials first
	farInTheFuture = time.Hour
)

var (
	errSelf  = errors.New("is this node itself")
	errEnded = errors.New("connection ended")
)

// A plan decides whom to dial and when. It is pure: callers bring the time, the list of connected peers
// and the results; it is not safe for concurrent use.
type plan struct {
	cfg      Config
	self     peer.ID
	rand     *rand.Rand
	seeds    []*seedState
	contacts map[peer.ID]*contact
	peers    int // connected, introducers not counted
	sighted  map[peer.ID]sighting
	removed  []peer.ID
	changes  []seedChange
}

// A contact is a peer that can be dialled or is connected.
type contact struct {
	entry Entry
	lan   []ma.Multiaddr // what it announces; not for the book until we were connected
	told  []ma.Multiaddr // what others told of it; neither
	heard time.Time      // when it last announced itself; zero: never
	up    time.Time      // connected since; zero: not connected
	next  time.Time      // not to be dialled before
	busy  bool           // a dial is under way
	saved bool           // belongs into the book
	dirty bool           // the book does not have this state

	dialling []netip.Prefix // the parts of the internet where it is dialled, while busy

	hearsay  bool // others told of it, and it was never heard or connected
	asking   bool // for others
	nextAsk  time.Time
	dry      uint32 // answers in a row that had nothing new
	released bool   // we closed the connection, since there is nothing more to ask
}

// A job is one dial: of a seed if seed is not nil, else of the peer.
type job struct {
	seed *seedState
	peer peer.AddrInfo
}

func newPlan(cfg Config, self peer.ID, r *rand.Rand) *plan {
	p := &plan{cfg: cfg, self: self, rand: r, contacts: make(map[peer.ID]*contact)}
	for _, s := range cfg.Seeds {
		same := func(old *seedState) bool { return old.seed.text == s.text }
		if !slices.ContainsFunc(p.seeds, same) {
			p.seeds = append(p.seeds, newSeedState(s))
		}
	}
	return p
}

// due returns the dials to start now and marks them as under way; each has to be reported with seedDone or
// peerDone.
func (p *plan) due(now time.Time) []job {
	var jobs []job
	jobs = append(jobs, p.duePeers(now, func(c *contact) bool { return c.entry.Anchor })...)
	for _, s := range p.seeds {
		if s.waiting() && !now.Before(s.next) && p.hasPlace(true) {
			s.busy, s.tried = true, now
			jobs = append(jobs, job{seed: s})
		}
	}
	return append(jobs, p.duePeers(now, func(c *contact) bool { return !c.entry.Anchor })...)
}

func (p *plan) duePeers(now time.Time, match func(*contact) bool) (jobs []job) {
	var ready []*contact
	for _, c := range p.contacts {
		if c.waiting() && !now.Before(c.next) && match(c) {
			ready = append(ready, c)
		}
	}
	slices.SortFunc(ready, func(a, b *contact) int {
		return cmp.Or(
			cmp.Compare(a.entry.Failures, b.entry.Failures),
			a.entry.LastTried.Compare(b.entry.LastTried),
			cmp.Compare(a.entry.ID, b.entry.ID))
	})
	p.favourBook(ready)
	count := p.parts()
	for _, c := range ready {
		if !p.wantsMore() || !p.hasPlace(false) {
			break
		}
		addrs, parts := open(c.addrs(), count)
		if len(addrs) == 0 && len(c.addrs()) > 0 {
			continue // until a peer there goes
		}
		for _, part := range parts {
			count[part]++
		}
		c.busy, c.entry.LastTried, c.dialling = true, now, parts
		jobs = append(jobs, job{peer: peer.AddrInfo{ID: c.entry.ID, Addrs: addrs}})
	}
	return jobs
}

func (c *contact) waiting() bool { return !c.busy && c.up.IsZero() }

// addrs returns where to dial: what the peer announces right now, what others told and what the book says,
// by turns. There is no room for all, and whoever makes up addresses of a peer must not hide with them
// those that have worked.
func (c *contact) addrs() []ma.Multiaddr {
	var all []ma.Multiaddr
	for i := range maxAddrs {
		for _, list := range [][]ma.Multiaddr{c.lan, c.told, c.entry.Addrs} {
			if i < len(list) {
				all = appendAddr(all, list[i])
			}
		}
	}
	return all
}

func (p *plan) dials() (seeds, peers int) {
	for _, s := range p.seeds {
		if s.busy {
			seeds++
		}
	}
	for _, c := range p.contacts {
		if c.busy {
			peers++
		}
	}
	return seeds, peers
}

func (p *plan) hasPlace(forSeed bool) bool {
	seeds, peers := p.dials()
	if forSeed {
		return seeds < maxDialsOfKind && seeds+peers < maxDials
	}
	return peers < maxDialsOfKind && seeds+peers < maxDials
}

func (p *plan) enough() bool { return p.peers >= p.cfg.WantPeers }

// wantsMore counts dials under way as peers, so that a node which needs one peer does not get four.
func (p *plan) wantsMore() bool {
	_, dials := p.dials()
	return p.peers+dials < p.cfg.WantPeers
}

// wake returns when due may have something new, if nothing else happens before.
func (p *plan) wake(now time.Time) time.Time {
	first := now.Add(farInTheFuture)
	// What could have started already waits for a dial to end or a peer to go, and both wake the caller.
	earlier := func(t time.Time) {
		if t.After(now) && t.Before(first) {
			first = t
		}
	}
	for _, s := range p.seeds {
		if s.waiting() {
			earlier(s.next)
		}
	}
	first = p.askWake(now, first)
	if !p.wantsMore() {
		return first
	}
	for _, c := range p.contacts {
		if c.waiting() {
			earlier(c.next)
		}
	}
	return first
}

// peerDone takes the result of the dial of a peer. A success has to be followed by observe.
func (p *plan) peerDone(id peer.ID, err error, now time.Time) {
	c := p.contacts[id]
	if c == nil {
		return
	}
	c.busy, c.dirty = false, true
	if err == nil {
		c.rise(now)
		return
	}
	p.peerFailed(c, now)
}

func (c *contact) rise(now time.Time) {
	if c.up.IsZero() {
		c.up, c.hearsay = now, false
	}
}

func (p *plan) peerFailed(c *contact, now time.Time) {
	c.entry.Failures = min(c.entry.Failures, 1<<20) + 1
	c.dirty = true
	c.next = now.Add(p.delay(c.entry.Failures, peerRetryMax))
}

// delay returns how long to wait after so many failures in a row.
func (p *plan) delay(failures uint32, limit time.Duration) time.Duration {
	d := p.cfg.RetryMin
	for range min(failures, 32) {
		if failures--; failures == 0 || d >= limit {
			break
		}
		d *= 2
	}
	return p.jitter(min(d, limit))
}

// jitter returns d give or take a quarter.
func (p *plan) jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(p.rand.Int64N(int64(d/2)+1))
}

// observe takes the list of connected peers, whenever it may have changed.
func (p *plan) observe(now time.Time, connected []peer.ID) {
	up := make(map[peer.ID]bool, len(connected))
	introducers := 0
	for _, id := range connected {
		up[id] = true
		c := p.contacts[id]
		if c == nil {
			c = &contact{entry: Entry{ID: id}}
			p.contacts[id] = c
		}
		c.rise(now)
		if p.sighted[id].introducer {
			introducers++
		}
	}
	p.peers = len(up) - introducers
	for id, c := range p.contacts {
		if !up[id] && !c.up.IsZero() {
			p.fall(c, now)
		}
	}
	for _, s := range p.seeds {
		p.observeSeed(s, now)
	}
}

// fall notes that the connection to c has ended.
func (p *plan) fall(c *contact, now time.Time) {
	if c.released {
		p.leave(c, now)
		return
	}
	lasted := now.Sub(c.up)
	c.up, c.asking = time.Time{}, false
	if lasted < stableAfter {
		p.peerFailed(c, now)
		if !c.saved && c.heard.IsZero() && !c.busy {
			delete(p.contacts, c.entry.ID)
		}
		return
	}
	c.saved, c.dirty = true, true
	c.entry.LastSeen, c.entry.Failures = now, 0
	c.next = now.Add(p.delay(1, peerRetryMax))
}

// hear takes what a peer announced on the local network.
func (p *plan) hear(now time.Time, info peer.AddrInfo) {
	if info.ID == p.self || len(info.Addrs) == 0 {
		return
	}
	c := p.contacts[info.ID]
	if c == nil {
		if !p.makeRoom(false) {
			return
		}
		c = &contact{entry: Entry{ID: info.ID}, next: now.Add(p.yield(info.ID))}
		p.contacts[info.ID] = c
	}
	c.heard, c.hearsay = now, false
	switch {
	case !sameAddrs(c.lan, info.Addrs):
		c.lan = info.Addrs
		c.next = earliest(c.next, now.Add(p.yield(info.ID)))
	case c.entry.Failures > 0:
		c.next = earliest(c.next, c.entry.LastTried.Add(heardRetry))
	}
}

// yield returns how long to wait before dialling a peer that hears us at about the same time as we hear
// it: the one with the higher id gives way, since dialling each other at once can fail on both sides.
func (p *plan) yield(id peer.ID) time.Duration {
	if bytes.Compare([]byte(p.self), []byte(id)) > 0 {
		return higherIDWaits
	}
	return 0
}

// makeRoom makes place for one more pending peer, if need be at the cost of the one that failed most.
// While none has failed there is no reason to prefer a newcomer, unless it speaks for itself: those that
// others only told of have half of the places, and give them up to those that are heard.
func (p *plan) makeRoom(hearsay bool) bool {
	pending, told := 0, 0
	var worst *contact
	for _, c := range p.contacts {
		if c.saved || !c.up.IsZero() {
			continue
		}
		pending++
		if c.hearsay {
			told++
		}
		if c.busy || c.entry.Failures == 0 && (hearsay || !c.hearsay) {
			continue
		}
		if worst == nil || c.entry.Failures > worst.entry.Failures {
			worst = c
		}
	}
	if pending < maxPending && (!hearsay || told < maxPending/2) {
		return true
	}
	if worst == nil {
		return false
	}
	delete(p.contacts, worst.entry.ID)
	return true
}

// kick makes everything due soon, because the network of this machine has changed.
func (p *plan) kick(now time.Time) {
	soon := func() time.Time { return now.Add(time.Duration(p.rand.Int64N(int64(maxKickDelay)))) }
	for _, s := range p.seeds {
		s.next = earliest(s.next, soon())
	}
	for _, c := range p.contacts {
		c.next = earliest(c.next, soon())
	}
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// endedAfter says how a connection that did not last ended.
func endedAfter(lasted time.Duration) error {
	return fmt.Errorf("%w after %v; did it stop, is it full, or of another network?", errEnded, lasted.Round(time.Millisecond))
}
