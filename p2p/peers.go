package p2p

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/gossip"
)

var (
	// ErrUnreachable means that a peer could not be connected to, or does not say hello.
	ErrUnreachable = errors.New("peer cannot be reached")
	// ErrOtherNetwork means that a peer is on another network than we are.
	ErrOtherNetwork = errors.New("peer is on another network")
	// ErrNoPeer means that no such peer is connected.
	ErrNoPeer = errors.New("no such peer")
)

// A Direction says who made a connection.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// A Peer is a connected peer that is past hello. What it says of its chain is only a claim.
type Peer struct {
	ID             string
	Addrs          []string // the other ends of its connections
	Direction      Direction
	Agent          string
	Tip            core.Hash
	Height         uint64
	Work           core.Work
	LowestFull     uint64        // the first height from which on it lacks no body, but for erased ones
	Latency        time.Duration // of the last hello; 0: not known yet
	ClockOffset    time.Duration // its clock minus ours
	ConnectedSince time.Time
	Mesh           gossip.Mesh // the topics of which it and we forward everything to each other
}

// minClocks is how many peers it takes to say something of our clock.
const minClocks = 3

// Peers returns the peers past hello, the longest connected first, without introducers.
func (n *Node) Peers() []Peer {
	peers := n.table.peers(false)
	if n.gossip == nil { // an introducer takes no part in it
		return peers
	}
	mesh := n.gossip.Mesh()
	for i := range peers {
		if id, err := peer.Decode(peers[i].ID); err == nil {
			peers[i].Mesh = mesh[id]
		}
	}
	return peers
}

// Introducers returns the peers past hello that only introduce others.
func (n *Node) Introducers() []Peer { return n.table.peers(true) }

// ClockSkew returns how far our clock is ahead of the median of our peers' clocks. It is false with
// fewer than three peers, since one of them must not be able to stop us.
func (n *Node) ClockSkew() (time.Duration, bool) {
	skew, count := n.table.skew()
	return skew, count >= minClocks
}

// Connect connects to a multiaddr that ends in /p2p/ID and waits until the peer is past hello, at
// most 10 s. A ban is lifted by it. Errors: ErrBadAddress, ErrOtherNetwork, ErrUnreachable.
func (n *Node) Connect(ctx context.Context, addr string) error {
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		return fmt.Errorf("%q: want …/p2p/ID at its end: %w: %w", addr, ErrBadAddress, err)
	}
	if info.ID == n.host.ID() {
		return fmt.Errorf("%q is this node itself: %w", addr, ErrBadAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	changed, stop := n.table.Subscribe()
	defer stop()
	n.bans.lift(info.ID)
	before := n.foreign.find(info.ID)
	if s, ok := n.host.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(info.ID) // who asks for it now has a reason
	}
	if err := n.host.Connect(ctx, *info); err != nil {
		return fmt.Errorf("%w: %s", ErrUnreachable, oneLine(err))
	}
	for !n.table.isReady(info.ID) {
		if other := n.foreign.find(info.ID); other != before {
			return fmt.Errorf("%w: it is on %s, we are on %v", ErrOtherNetwork, other.network, n.network)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: it is connected but does not say hello", ErrUnreachable)
		}
	}
	return nil
}

// Disconnect closes the connections to a peer; ErrBadAddress where id is none, ErrNoPeer where it is
// not connected.
func (n *Node) Disconnect(id string) error {
	p, err := peer.Decode(id)
	if err != nil {
		return fmt.Errorf("%q is not a peer id, which looks like 12D3KooW…: %w", id, ErrBadAddress)
	}
	if len(n.host.Network().ConnsToPeer(p)) == 0 {
		return fmt.Errorf("%v: %w", p, ErrNoPeer)
	}
	return n.host.Network().ClosePeer(p)
}

// AskPeers asks a connected peer for others and returns those that it knows, with the addresses that
// their owners signed. Errors are those of exchange.Client.
func (n *Node) AskPeers(ctx context.Context, from peer.ID) ([]peer.AddrInfo, error) {
	found, err := n.client.Peers(ctx, from, exchange.MaxPeers)
	if errors.Is(err, exchange.ErrProtocol) {
		n.Punish(from, err)
	}
	return found, err
}

// RoleOf says what a connected peer is: a member of the network, or an introducer, which can be asked
// for peers and is good for nothing else. A peer that is not past hello is neither.
func (n *Node) RoleOf(p peer.ID) (member, introducer bool) { return n.table.roleOf(p) }

// Subscribe returns a channel of capacity 1 that is poked when peers come, say hello or go, and a
// function that ends this.
func (n *Node) Subscribe() (<-chan struct{}, func()) { return n.table.Subscribe() }

// Vote asks every peer that is past hello once whether it would take a message, and returns how many
// said yes and how many were asked. Who does not answer within three seconds says no.
func (n *Node) Vote(ctx context.Context, m *core.Message) (yes, asked int) {
	ready := n.table.Ready()
	var count atomic.Int64
	var g errgroup.Group
	for _, r := range ready {
		g.Go(func() error {
			agrees, reason, err := n.client.Vote(ctx, r.ID, m)
			if agrees {
				count.Add(1)
			}
			n.log.Debug("vote", "peer", r.ID, "yes", agrees, "reason", reason, "err", err)
			return nil
		})
	}
	g.Wait() // its functions return no errors
	return int(count.Load()), len(ready)
}
