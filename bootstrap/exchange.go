package bootstrap

import (
	"context"

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
