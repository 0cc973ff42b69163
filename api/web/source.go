package web

import (
	"context"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/core"
)

// A Source is the node that pages are about; a *client.Client is one. Its errors are the client's.
type Source interface {
	chainSource
	nodeSource
}

// A chainSource is what a node keeps.
type chainSource interface {
	Blocks(ctx context.Context, cursor string, limit int) (api.BlockPage, error)
	BlockMessages(ctx context.Context, name string, position, limit int) (api.BlockPart, error)
	Message(ctx context.Context, id core.Hash) (api.Message, error)
	Messages(ctx context.Context, f client.Filter, cursor string, limit int) (api.MessagePage, error)
	Reorgs(ctx context.Context, cursor string, limit int) (api.ReorgPage, error)
	Tips(ctx context.Context) (api.TipList, error)
	Search(ctx context.Context, text string) (api.SearchResult, error)
}

// A nodeSource is what a node says of itself and its neighbours.
type nodeSource interface {
	Node(ctx context.Context) (api.Node, error)
	Invite(ctx context.Context) (api.Invite, error)
	Peers(ctx context.Context) ([]api.Peer, error)
}

var _ Source = (*client.Client)(nil)
