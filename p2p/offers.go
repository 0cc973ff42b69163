package p2p

import (
	"context"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
)

// Offered implements exchange.Peers: what a ready peer offers and we lack is fetched.
func (n *Node) Offered(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	return n.gossip.Offered(ctx, p, ids)
}
