package bootstrap

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	maxAsks = 2 // at once

	// An introducer forgets who does not come back for an hour, so a seed that is one is visited again
	// even while there are enough peers.
	visitEvery = 15 * time.Minute
	visitLasts = stableAfter // long enough for both sides to say who they are
)

// A sighting is a connected peer, as the loop sees it.
type sighting struct {
	id         peer.ID
	member     bool
	introducer bool
	kept       bool         // something else needs the connection
	part       netip.Prefix // of the public internet that we dialled; not valid: private, or inbound
}

// see takes in the connected peers and what they are.
func (p *plan) see(now time.Time, all []sighting) {
	p.sighted = make(map[peer.ID]sighting, len(all))
	ids := make([]peer.ID, len(all))
	for i, s := range all {
		p.sighted[s.id], ids[i] = s, s.id
	}
	p.observe(now, ids)
}

// dueAsks returns the peers to ask for others now: introducers first, then those that were asked the
// longest ago. Each has to be reported with asked.
func (p *plan) dueAsks(now time.Time) []peer.ID {
	if p.enough() {
		return nil
	}
	var ready []*contact
	asking := 0
	for id, c := range p.contacts {
		s := p.sighted[id]
		if c.asking {
			asking++
		} else if (s.member || s.introducer) && !now.Before(c.nextAsk) {
			ready = append(ready, c)
		}
	}
	slices.SortFunc(ready, func(a, b *contact) int {
		if ia, ib := p.sighted[a.entry.ID].introducer, p.sighted[b.entry.ID].introducer; ia != ib {
			if ia {
				return -1
			}
			return 1
		}
		return cmp.Or(a.nextAsk.Compare(b.nextAsk), cmp.Compare(a.entry.ID, b.entry.ID))
	})
	var due []peer.ID
	for _, c := range ready[:min(len(ready), max(0, maxAsks-asking))] {
		c.asking = true
		due = append(due, c.entry.ID)
	}
	return due
}

// asked takes an answer. Whoever has nothing new is asked less and less often.
func (p *plan) asked(from peer.ID, found []peer.AddrInfo, now time.Time) {
	news := 0
	for _, info := range found {
		if p.introduce(info, now) {
			news++
		}
	}
	c := p.contacts[from]
	if c == nil {
		return
	}
	c.asking = false
	if c.dry++; news > 0 {
		c.dry = 0
	}
	limit := peerRetryMax
	if p.sighted[from].introducer {
		limit = p.cfg.RetryMax
	}
	c.nextAsk = now.Add(p.delay(c.dry+1, limit))
}

// introduce takes a peer that somebody else told of. It reports whether that was news.
func (p *plan) introduce(info peer.AddrInfo, now time.Time) bool {
	addrs := preferFar(dialable(info.ID, info.Addrs, checkSignedAddr))
	c := p.contacts[info.ID]
	switch {
	case info.ID == p.self || len(addrs) == 0:
		return false
	case c == nil:
		p.offer(peer.AddrInfo{ID: info.ID, Addrs: addrs}, true, now)
		return p.contacts[info.ID] != nil
	case !c.up.IsZero() || sameAddrs(c.told, addrs):
		return false
	}
	c.told = addrs
	c.next = earliest(c.next, maxTime(now, c.entry.LastTried.Add(heardRetry)))
	return true
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// dueReleases returns the introducers that have done what they are for.
func (p *plan) dueReleases(now time.Time) []peer.ID {
	if !p.enough() {
		return nil
	}
	var due []peer.ID
	for id, s := range p.sighted {
		c := p.contacts[id]
		if s.introducer && !s.kept && c != nil && !c.asking && now.Sub(c.up) >= visitLasts {
			c.released = true
			due = append(due, id)
		}
	}
	return due
}

// leave notes that the connection to an introducer has ended after it had done its work. It is no
// peer for the book.
func (p *plan) leave(c *contact, now time.Time) {
	c.up, c.asking, c.dry, c.nextAsk = time.Time{}, false, 0, time.Time{}
	c.saved, c.entry.Failures = false, 0
	c.next, c.released = now.Add(p.jitter(visitEvery)), false
	for _, s := range p.seeds {
		s.rests = s.rests || slices.Contains(s.ids, c.entry.ID)
	}
	if c.heard.IsZero() && !c.busy {
		delete(p.contacts, c.entry.ID)
	}
}

// askWake returns the earliest time at which somebody can be asked or released, if that is before first.
func (p *plan) askWake(now, first time.Time) time.Time {
	for id, s := range p.sighted {
		c := p.contacts[id]
		if c == nil || c.asking || (!s.member && !s.introducer) {
			continue
		}
		at := c.nextAsk
		if p.enough() {
			if at = c.up.Add(visitLasts); !s.introducer || s.kept {
				continue
			}
		}
		if at.After(now) && at.Before(first) {
			first = at
		}
	}
	return first
}
