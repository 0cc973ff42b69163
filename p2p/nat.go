package p2p

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/host/autorelay"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	relaysWanted  = 2                // of a node that is reached through relays
	relaySearch   = 2 * time.Second  // between two looks for relays among the peers, while there are too few
	relayRetry    = 30 * time.Second // before one that refused is asked again
	relayPatience = 3 * time.Second  // for one that asks a relay for something to be past hello
)

// natOptions are what a host does where it cannot be reached directly. The transport through relays is
// always there: it is how such a node is dialled.
func natOptions(c NATConfig, table *Table) []libp2p.Option {
	options := []libp2p.Option{libp2p.EnableRelay()}
	if c.PortMap {
		options = append(options, libp2p.NATPortMap())
	}
	if c.HolePunch {
		options = append(options, libp2p.EnableHolePunching())
	}
	if c.AutoNAT || c.RelayClient {
		options = append(options, libp2p.EnableAutoNATv2())
	}
	if c.RelayClient {
		// Without a verdict libp2p looks for no relay, and nobody here gives the one of AutoNAT v1.
		// The addresses through relays are announced only while AutoNAT v2 finds none that work.
		options = append(options, libp2p.ForceReachabilityPrivate(), libp2p.EnableAutoRelayWithPeerSource(relaySource(table),
			autorelay.WithNumRelays(relaysWanted), autorelay.WithMinCandidates(1), autorelay.WithBootDelay(0),
			autorelay.WithMinInterval(relaySearch), autorelay.WithBackoff(relayRetry),
		))
	}
	return options
}

// relaySource offers the peers past hello as relays: only they know that we are of their network, and
// take us for it. Whether they relay at all is found out by asking.
func relaySource(table *Table) autorelay.PeerSource {
	return func(_ context.Context, limit int) <-chan peer.AddrInfo {
		found := table.readyIDs()
		out := make(chan peer.AddrInfo, len(found))
		defer close(out)
		for _, p := range found[:min(limit, len(found))] {
			out <- peer.AddrInfo{ID: p}
		}
		return out
	}
}

// openRelay makes a host relay connections between members of the network; it ends with Close.
//
// Such connections have no limit of time or bytes, which is what lets a node take part in everything
// through a relay: libp2p refuses ordinary streams on limited ones. What bounds them is their number,
// and that both ends have said hello to us.
func openRelay(h host.Host, table *Table) (*relay.Relay, error) {
	resources := relay.DefaultResources()
	resources.Limit = nil
	resources.MaxReservationsPerIP = connsPerAddress // a room of nodes behind one router
	r, err := relay.New(h, relay.WithResources(resources), relay.WithACL(members{table}),
		relay.WithReservationAddressFilter(func(ma.Multiaddr) bool { return true }))
	if err != nil {
		return nil, fmt.Errorf("opening the relay: %w", err)
	}
	return r, nil
}

// Members is the filter of a relay: it serves peers past hello. One that has just connected to use the
// relay is waited for, since its hello is on its way.
type members struct{ table *Table }

// AllowReserve implements relay.ACLFilter.
func (m members) AllowReserve(p peer.ID, _ ma.Multiaddr) bool { return m.wait(p) }

// AllowConnect implements relay.ACLFilter. The other end was past hello when it reserved its place.
func (m members) AllowConnect(from peer.ID, _ ma.Multiaddr, _ peer.ID) bool { return m.wait(from) }

func (m members) wait(p peer.ID) bool {
	changed, stop := m.table.Subscribe()
	defer stop()
	end := time.NewTimer(relayPatience)
	defer end.Stop()
	for !m.table.isReady(p) {
		select {
		case <-changed:
		case <-end.C:
			return false
		}
	}
	return true
}
