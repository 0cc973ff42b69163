package p2p

import (
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// A gate lets only those peers through that neither the bans nor the owner of the node keep away.
type gate struct {
	*bans
	allows func(peer.ID) bool
}

// gateOf returns the host's connection gater; allows may be nil.
func gateOf(b *bans, allows func(peer.ID) bool) connmgr.ConnectionGater {
	if allows == nil {
		return b
	}
	return gate{b, allows}
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g gate) InterceptPeerDial(p peer.ID) bool { return g.allows(p) && g.bans.InterceptPeerDial(p) }

// InterceptSecured implements connmgr.ConnectionGater: from here on it is known who it is.
func (g gate) InterceptSecured(d network.Direction, p peer.ID, a network.ConnMultiaddrs) bool {
	return g.allows(p) && g.bans.InterceptSecured(d, p, a)
}
