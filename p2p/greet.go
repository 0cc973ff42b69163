package p2p

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core/consensus"
	"p2pchain/p2p/exchange"
)

const (
	helloTimeout   = 10 * time.Second // for a hello
	helloRetry     = time.Second      // after one that failed
	helloGrace     = 8 * time.Second  // after the first one in a row that failed, then the peer is let go
	connectTimeout = 10 * time.Second
	foreignGrace   = 3 * time.Second  // for a peer of another network to hear so from us
	foreignBan     = 10 * time.Minute // until it is dialled again
	faultBan       = 2 * time.Minute  // for a peer that broke a rule
	silentBan      = 30 * time.Second // for one that never said hello
	maxClockOffset = 60 * time.Second // of a peer, before it is worth a line in the log
	readyTag       = "hello"          // in the connection manager: strangers go first
	readyValue     = 10
)

// greetAll keeps the table in step with the host's connections until ctx ends, and says hello to
// everybody in it.
func (n *Node) greetAll(ctx context.Context) error {
	poke := make(chan struct{}, 1)
	wake := func(network.Network, network.Conn) {
		select {
		case poke <- struct{}{}:
		default: // it is about to look
		}
	}
	notify := &network.NotifyBundle{ConnectedF: wake, DisconnectedF: wake}
	n.host.Network().Notify(notify)
	defer n.host.Network().StopNotify(notify)

	var greeters sync.WaitGroup
	defer greeters.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := make(map[peer.ID]greeter)
	for {
		for _, p := range union(n.host.Network().Peers(), n.table.connected()) {
			session, isNew := n.table.look(p, n.host.Network().ConnsToPeer(p), n.cfg.Now())
			if old := running[p]; old.stop != nil && old.session != session {
				old.stop()
				delete(running, p)
			}
			if isNew {
				ctx, stop := context.WithCancel(ctx)
				running[p] = greeter{session, stop}
				greeters.Go(func() { n.greet(ctx, p) })
			}
		}
		n.makeRoom()
		select {
		case <-ctx.Done():
			return nil
		case <-poke:
		}
	}
}

// A greeter is the goroutine that says hello to a peer for one session.
type greeter struct {
	session uint64
	stop    context.CancelFunc
}

func union(a, b []peer.ID) []peer.ID {
	seen := make(map[peer.ID]bool, len(a)+len(b))
	var out []peer.ID
	for _, p := range append(a[:len(a):len(a)], b...) {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

// greet says hello to a peer at once and then from time to time, until the peer is gone.
func (n *Node) greet(ctx context.Context, p peer.ID) {
	var failing time.Time // since when; zero: not
	for {
		limit := helloTimeout
		if !failing.IsZero() {
			limit = max(helloRetry, time.Until(failing.Add(helloGrace)))
		}
		said := n.Self()
		err := n.helloOnce(ctx, p, said, limit)
		wait := n.cfg.HelloEvery*3/4 + rand.N(n.cfg.HelloEvery/2)
		switch {
		case ctx.Err() != nil || errors.Is(err, ErrOtherNetwork):
			return
		case errors.Is(err, exchange.ErrProtocol):
			n.Punish(p, err)
			return
		case err == nil:
			failing = time.Time{}
			if n.ownRecords() != said.Records {
				wait = helloRetry // tellAddresses passes over peers that are not past their hello
			}
		case failing.IsZero():
			failing, wait = time.Now(), helloRetry
		case time.Since(failing) >= helloGrace-helloRetry:
			n.hangUp(p, err)
			return
		default:
			wait = helloRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// hangUp lets a peer go that does not say hello. One that never did speaks another language, or is not
// there to speak at all: it is left alone for a while.
func (n *Node) hangUp(p peer.ID, err error) {
	n.log.Info("peer does not say hello, closing", "peer", p, "err", oneLine(err))
	if !n.table.isReady(p) {
		n.bans.add(p, silentBan, false)
	}
	n.close(p)
}

// helloOnce tells a peer what we say of ourselves, and takes in its answer.
func (n *Node) helloOnce(ctx context.Context, p peer.ID, own exchange.Hello, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	h, took, err := n.client.Hello(ctx, p, own)
	if err != nil {
		return err
	}
	if h.Genesis != n.network.Genesis {
		n.reportForeign(p, h)
		n.close(p)
		return ErrOtherNetwork
	}
	n.meet(p, h, took)
	return nil
}

// Self returns what this node says of itself now.
func (n *Node) Self() exchange.Hello {
	h := exchange.Hello{
		Genesis: n.network.Genesis,
		Network: n.network.Params.Name,
		Agent:   n.cfg.Agent,
		Tip:     n.network.Genesis,
		ClockMS: uint64(max(0, n.cfg.Now().UnixMilli())),
		Records: n.ownRecords(),
	}
	if n.chain == nil {
		h.Introducer = true
		return h
	}
	tip := n.chain.Tip()
	h.Tip, h.Height, h.Work = tip.Hash, tip.Header.Height, tip.Header.Work
	if n.cfg.Bodies != nil {
		var err error
		if h.LowestFull, err = n.cfg.Bodies.LowestFull(); err != nil {
			h.LowestFull = h.Height + 1 // nothing is promised
			n.log.Error("reading which bodies are missing", "err", err)
		}
	}
	return h
}

// Greeted takes in what a peer said of itself when it asked us. One of another network got our hello
// a moment ago and closes the connection itself, unless it has other plans.
func (n *Node) Greeted(p peer.ID, h exchange.Hello) {
	if h.Genesis == n.network.Genesis {
		n.meet(p, h, 0)
		return
	}
	n.reportForeign(p, h)
	n.letGo(p, foreignGrace)
}

// meet takes in a hello of a peer of our network.
func (n *Node) meet(p peer.ID, h exchange.Hello, took time.Duration) {
	offset := time.UnixMilli(int64(h.ClockMS)).Sub(n.cfg.Now().Add(-took / 2))
	if !h.Introducer {
		n.visits.note(p, n.host.Network().ConnsToPeer(p), h.Records)
	}
	if !n.table.greet(p, h, offset, took) {
		return
	}
	n.host.ConnManager().TagPeer(p, readyTag, readyValue)
	n.log.Info("peer connected", "peer", p, "agent", h.Agent, "height", h.Height)
	if offset.Abs() > maxClockOffset {
		n.log.Warn("the clocks of this node and of a peer differ", "peer", p, "peer_ahead", offset.Round(time.Second))
	}
}

// reportForeign says once for each peer, however often it comes back, that it is on another network.
// It is not dialled any more; if it comes it will hear the same again.
func (n *Node) reportForeign(p peer.ID, h exchange.Hello) {
	n.bans.add(p, foreignBan, true)
	if n.foreign.add(p, h.NetworkName()) {
		n.log.Warn("peer is on another network, closing", "peer", p, "network", n.network.String(), "peer_network", h.NetworkName())
	}
}

// Punish lets a peer go that broke a rule, lied or stalled. After a broken rule it stays out for a
// while; one that was only slow may come back at once.
func (n *Node) Punish(p peer.ID, why error) {
	broken := consensus.ClassOf(why) == consensus.Broken
	if n.bans.blame(p, broken) { // else what it sent before it was let go is still being judged
		n.log.Warn("peer misbehaved, closing", "peer", p, "err", oneLine(why))
	}
	if broken {
		n.bans.add(p, faultBan, false)
	}
	n.letGo(p, 0)
}

func (n *Node) close(p peer.ID) {
	if err := n.host.Network().ClosePeer(p); err != nil {
		n.log.Debug("closing a peer", "peer", p, "err", err)
	}
}
