package bootstrap

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
)

// A browser listens for announcements over one IP version.
type browser struct {
	*mdns
	family  zeroconf.IPType
	changed <-chan struct{}
	enough  func() bool
	heard   func(peer.AddrInfo)
}

// browse listens in rounds until ctx ends. Each round has a client of its own, since one client reports
// a peer once only and does not notice when interfaces come.
func (m *mdns) browse(ctx context.Context, b *browser) {
	for ctx.Err() == nil {
		idle := b.enough()
		length := m.cfg.BrowseIdle
		if !idle {
			length = m.cfg.BrowseMin + rand.N(m.cfg.BrowseMax-m.cfg.BrowseMin+1)
		}
		round, cancel := context.WithTimeout(ctx, length)
		b.round(round, cancel, idle)
		cancel()
	}
}

// round lasts until ctx ends, which cancel can bring about, also if there is nothing to listen on.
func (b *browser) round(ctx context.Context, cancel context.CancelFunc, idle bool) {
	done := make(chan error, 1)
	entries := make(chan *zeroconf.ServiceEntry)
	if local := readLocalNet(b.watch.host); len(local.multicast) == 0 {
		b.noteBrowsed(errNoInterface)
		done = nil
	} else {
		go func() {
			done <- zeroconf.Browse(ctx, mdnsService(b.cfg.Network), mdnsDomain, entries,
				zeroconf.SelectIPTraffic(b.family), zeroconf.SelectIfaces(local.multicast))
		}()
	}

	needy := time.NewTicker(b.cfg.BrowseMin)
	defer needy.Stop()
	for heard := 0; ctx.Err() == nil; {
		select {
		case <-ctx.Done():
		case <-b.changed:
			cancel()
		case <-needy.C:
			if idle && !b.enough() {
				cancel()
			}
		case e, ok := <-entries:
			if !ok {
				entries = nil
				continue
			}
			// Somebody who floods us is not given more memory or time; the round goes on, deaf.
			if heard++; heard <= maxHeardInRound {
				b.take(e)
			}
		case err := <-done:
			b.noteBrowsed(err)
			done = nil
		}
	}
	if done != nil {
		b.noteBrowsed(nil) // it worked for the whole round
		b.drain(entries, done)
	}
}

// drain waits for the client to end. It must be read until it does, or it waits for ever to be read.
func (b *browser) drain(entries <-chan *zeroconf.ServiceEntry, done <-chan error) {
	bound := time.NewTimer(mdnsCloseTimeout)
	defer bound.Stop()
	for {
		select {
		case _, ok := <-entries:
			if !ok {
				entries = nil
			}
		case <-done:
			return
		case <-bound.C:
			b.log.Warn("multicast browser left behind: it does not close", "after", mdnsCloseTimeout)
			return
		}
	}
}

// take hands on what an announcement says, unless it is our own or says nothing.
func (b *browser) take(e *zeroconf.ServiceEntry) {
	info, ok := announcedPeer(e.Text)
	if !ok || info.ID == b.self {
		return
	}
	b.note(func(s *MDNSStatus) { s.Heard++ })
	b.heard(info)
}

func (b *browser) noteBrowsed(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	b.note(func(s *MDNSStatus) {
		if b.family == zeroconf.IPv4 {
			s.IPv4 = text
		} else {
			s.IPv6 = text
		}
	})
}
