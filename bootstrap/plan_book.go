package bootstrap

import (
	"cmp"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	maxAnchors  = 4
	maxBook     = 512
	staleTries  = 10
	staleAfter  = 7 * 24 * time.Hour
	refreshSeen = 10 * time.Minute // how old LastSeen of a connected peer may be in the book
)

// A link is a connected peer, as the saver sees it.
type link struct {
	id       peer.ID
	addrs    []ma.Multiaddr
	outbound bool // we dialled it, so its addresses are known to work
}

// load takes the book at the start. Anchors are due at once; the others when their last failures allow
// it, but within RetryMax, since whatever was wrong then may be right after a restart.
func (p *plan) load(entries []Entry, now time.Time) {
	for _, e := range entries {
		if e.ID == p.self || len(e.Addrs) == 0 {
			p.removed = append(p.removed, e.ID)
			continue
		}
		c := &contact{entry: e, saved: true, next: now}
		if e.Failures > 0 && !e.Anchor {
			again := e.LastTried.Add(p.delay(e.Failures, peerRetryMax))
			c.next = earliest(again, now.Add(p.jitter(p.cfg.RetryMax)))
		}
		p.contacts[e.ID] = c
	}
}

// favourBook puts the first peer of the book before all others, unless one is being dialled. Those who were
// never tried come first otherwise, and whoever announces ever new ones would have all dials for himself.
func (p *plan) favourBook(ready []*contact) {
	for _, c := range p.contacts {
		if c.saved && c.busy {
			return
		}
	}
	at := slices.IndexFunc(ready, func(c *contact) bool { return c.saved })
	if at > 0 {
		first := ready[at]
		copy(ready[1:at+1], ready[:at])
		ready[0] = first
	}
}

// save brings the book up to date: it returns the entries to put and the peers to remove. The last save
// of a run notes every connected peer, earlier ones only what is new or has changed.
func (p *plan) save(now time.Time, links []link, last bool) (puts []Entry, removes []peer.ID) {
	for _, l := range links {
		p.saveLink(now, l, last)
	}
	p.chooseAnchors(links)
	p.forget(now)
	for _, c := range p.contacts {
		if c.saved && c.dirty && len(c.entry.Addrs) > 0 {
			c.dirty = false
			puts = append(puts, c.entry)
		}
	}
	slices.SortFunc(puts, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	removes, p.removed = p.removed, nil
	return puts, removes
}

// saveFailed makes the next save try this entry again.
func (p *plan) saveFailed(id peer.ID) {
	if c := p.contacts[id]; c != nil {
		c.dirty = true
	}
}

func (p *plan) saveLink(now time.Time, l link, last bool) {
	c := p.contacts[l.id]
	if c == nil || c.up.IsZero() || len(l.addrs) == 0 || p.sighted[l.id].introducer {
		return
	}
	if now.Sub(c.up) < stableAfter && !last {
		return
	}
	e := &c.entry
	fresh := c.saved && e.Failures == 0 && now.Sub(e.LastSeen) < refreshSeen && sameAddrs(e.Addrs, l.addrs)
	if fresh && !last {
		return
	}
	e.Addrs, e.LastSeen, e.Failures = l.addrs, now, 0
	c.saved, c.dirty = true, true
}

// chooseAnchors marks up to four peers. Peers that we dialled come first, since nobody can make us dial
// them, then those connected for the longest. Places that are left stay with earlier anchors, so that a
// node which was cut off from its network keeps them.
func (p *plan) chooseAnchors(links []link) {
	outbound := map[peer.ID]bool{}
	var connected, earlier []*contact
	for _, l := range links {
		outbound[l.id] = l.outbound
		if c := p.contacts[l.id]; c != nil && c.saved && !c.up.IsZero() {
			connected = append(connected, c)
		}
	}
	for id, c := range p.contacts {
		// One whose connection came or went just now may not be among the links.
		if _, linked := outbound[id]; c.entry.Anchor && !(linked && c.saved && !c.up.IsZero()) {
			earlier = append(earlier, c)
		}
	}
	slices.SortFunc(connected, func(a, b *contact) int {
		if oa, ob := outbound[a.entry.ID], outbound[b.entry.ID]; oa != ob {
			if oa {
				return -1
			}
			return 1
		}
		return cmp.Or(a.up.Compare(b.up), cmp.Compare(a.entry.ID, b.entry.ID))
	})
	slices.SortFunc(earlier, func(a, b *contact) int {
		return cmp.Or(b.entry.LastSeen.Compare(a.entry.LastSeen), cmp.Compare(a.entry.ID, b.entry.ID))
	})
	for i, c := range append(connected, earlier...) {
		if anchor := i < maxAnchors; anchor != c.entry.Anchor {
			c.entry.Anchor, c.dirty = anchor, true
		}
	}
}

// forget drops who is silent or long dead, and the worst entries of a book that is too large.
func (p *plan) forget(now time.Time) {
	var book []*contact
	for id, c := range p.contacts {
		switch {
		case c.busy || !c.up.IsZero():
		case !c.saved && now.Sub(c.heard) > forgetAfter:
			delete(p.contacts, id)
		case c.saved && c.stale(now):
			p.remove(id)
		case c.saved:
			book = append(book, c)
		}
	}
	if len(book) <= maxBook {
		return
	}
	slices.SortFunc(book, func(a, b *contact) int {
		if a.entry.Anchor != b.entry.Anchor {
			if b.entry.Anchor {
				return -1
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(b.entry.Failures, a.entry.Failures),
			a.entry.LastSeen.Compare(b.entry.LastSeen),
			cmp.Compare(a.entry.ID, b.entry.ID))
	})
	for _, c := range book[:len(book)-maxBook] {
		p.remove(c.entry.ID)
	}
}

// stale says whether there is no hope for c; without an address there is none after a few tries.
func (c *contact) stale(now time.Time) bool {
	old := now.Sub(c.entry.LastSeen) > staleAfter || len(c.addrs()) == 0
	return old && c.entry.Failures >= staleTries
}

func (p *plan) remove(id peer.ID) {
	delete(p.contacts, id)
	p.removed = append(p.removed, id)
}
