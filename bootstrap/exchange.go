package bootstrap

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// An Exchange asks connected peers for others. Its methods are safe for concurrent use.
type Exchange interface {
	// AskPeers asks a connected peer for others and returns those that it knows, with addresses that
	// their owners signed.
	AskPeers(ctx context.Context, from peer.ID) ([]peer.AddrInfo, error)
	// RoleOf says what a connected peer is: a member of the network that can be asked, or an
	// introducer, which can be asked too and is good for nothing else. A peer that did not say yet is
	// neither.
	RoleOf(p peer.ID) (member, introducer bool)
	// Subscribe returns a channel of capacity 1 that is poked when roles may have changed, and a
	// function that ends this.
	Subscribe() (<-chan struct{}, func())
}

// relayTag is under what libp2p protects the connection to a relay that it uses.
const relayTag = "autorelay"

// roles returns what is poked when the roles of peers may have changed.
func (b *Bootstrap) roles() (<-chan struct{}, func()) {
	if b.cfg.Exchange == nil {
		return nil, func() {}
	}
	return b.cfg.Exchange.Subscribe()
}

// sight lists the connected peers and what they are.
func (b *Bootstrap) sight() []sighting {
	peers := b.host.Network().Peers()
	all := make([]sighting, len(peers))
	for i, id := range peers {
		s := sighting{id: id, kept: b.host.ConnManager().IsProtected(id, relayTag)}
		if b.cfg.Exchange != nil {
			s.member, s.introducer = b.cfg.Exchange.RoleOf(id)
		}
		for _, c := range b.host.Network().ConnsToPeer(id) {
			if part := partOf(c.RemoteMultiaddr()); c.Stat().Direction == network.DirOutbound && part.IsValid() {
				s.part = part
			}
		}
		all[i] = s
	}
	return all
}

// ask asks a peer for others and gives them to the plan.
func (b *Bootstrap) ask(run context.Context, from peer.ID) {
	ctx, cancel := context.WithTimeout(run, b.cfg.DialTimeout)
	defer cancel()
	found, err := b.cfg.Exchange.AskPeers(ctx, from)
	if run.Err() != nil {
		return
	}
	if err != nil {
		b.log.Debug("peer not asked for others", "peer", from, "err", err)
	}
	b.update(func(p *plan, now time.Time) { p.asked(from, found, now) })
}

// release closes the connection to an introducer.
func (b *Bootstrap) release(id peer.ID) {
	b.log.Debug("introducer not needed now, closing", "peer", id)
	if err := b.host.Network().ClosePeer(id); err != nil {
		b.log.Debug("close of an introducer", "peer", id, "err", err)
	}
}

// told takes a peer that was found in the DHT.
func (b *Bootstrap) told(info peer.AddrInfo) {
	b.update(func(p *plan, now time.Time) { p.introduce(info, now) })
}
