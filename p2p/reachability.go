package p2p

import (
	"context"
	"fmt"
	"strings"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
)

// A Reachability says what is known of whether nodes outside of our local network can dial us.
type Reachability string

// The kinds of reachability.
const (
	ReachUnknown Reachability = "unknown" // nobody has tried, or was asked to (NATConfig.AutoNAT)
	ReachPublic  Reachability = "public"  // a peer reached one of our addresses
	ReachRelayed Reachability = "relayed" // only through other peers
	ReachPrivate Reachability = "private" // peers reached none of our addresses
)

// Reachability returns what the last tries of AutoNAT v2 found.
func (n *Node) Reachability() Reachability {
	found, _ := n.reach.Load().(Reachability)
	if found == ReachPublic {
		return found
	}
	for _, addr := range n.host.Addrs() {
		if strings.Contains(addr.String(), "/p2p-circuit") {
			return ReachRelayed
		}
	}
	if found == "" {
		return ReachUnknown
	}
	return found
}

// Relays returns how many connected peers relay for others, introducers included. Through them a node
// can be reached that cannot be dialled.
func (n *Node) Relays() int {
	count := 0
	for _, p := range n.table.readyIDs() {
		offered, err := n.host.Peerstore().SupportsProtocols(p, proto.ProtoIDv2Hop)
		if err == nil && len(offered) > 0 {
			count++
		}
	}
	return count
}

// watchReach keeps what the host finds out of its addresses until ctx ends.
func (n *Node) watchReach(ctx context.Context) error {
	events, err := n.host.EventBus().Subscribe(new(event.EvtHostReachableAddrsChanged))
	if err != nil {
		return fmt.Errorf("subscribing to the reachability of our addresses: %w", err)
	}
	defer events.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e := <-events.Out():
			if changed, ok := e.(event.EvtHostReachableAddrsChanged); ok {
				n.reach.Store(judgeReach(len(changed.Reachable), len(changed.Unreachable), len(changed.Unknown)))
			}
		}
	}
}

// judgeReach turns the numbers of addresses that work, that do not, and that nobody tried into a word.
func judgeReach(works, fails, untried int) Reachability {
	switch {
	case works > 0:
		return ReachPublic
	case fails > 0 && untried == 0:
		return ReachPrivate
	}
	return ReachUnknown
}
