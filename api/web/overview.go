package web

import (
	"context"
	"net/http"

	"p2pchain/api"
	"p2pchain/api/client"
)

const (
	// rowBlocks is how many blocks the row of the overview shows, latest how many messages.
	rowBlocks = 12
	latest    = 12
)

// overviewData is what the overview shows.
type overviewData struct {
	Node    api.Node
	Health  health
	Blocks  []api.Block
	Waiting []api.Message // the newest first
	Latest  []api.Message
	Empty   bool // nobody has added a message yet
	Nothing nothing
}

// nothing is what scripts copy and fill in when something happens.
type nothing struct {
	Block   api.Block
	Message api.Message
}

// health is how a node is, in words.
type health struct {
	Good bool
	Key  string // of the sentence
	Args []any
}

func (s *Site) overview(ctx context.Context, _ *http.Request) (view, error) {
	node, err := s.cfg.Source.Node(ctx)
	if err != nil {
		return view{}, err
	}
	data := overviewData{Node: node, Health: healthOf(&node)}
	data.Nothing.Block.Height = 1 // has one before it
	page, err := s.cfg.Source.Blocks(ctx, "", rowBlocks)
	if err != nil {
		return view{}, err
	}
	data.Blocks = page.Blocks
	waiting, err := s.cfg.Source.Messages(ctx, client.Filter{Status: api.StatusWaiting}, "", latest)
	if err != nil {
		return view{}, err
	}
	data.Waiting = waiting.Messages
	list, err := s.cfg.Source.Messages(ctx, client.Filter{Status: api.StatusConfirmed}, "", latest)
	if err != nil {
		return view{}, err
	}
	data.Latest = list.Messages
	data.Empty = node.Tip.Height == 0 && node.Mempool.Count == 0
	return view{name: "overview", title: "overview.title", event: node.LastEvent, data: data}, nil
}

// healthOf says how a node is: what matters most first.
func healthOf(n *api.Node) health {
	switch {
	case n.ClockSkewMS != nil && (*n.ClockSkewMS > 60_000 || *n.ClockSkewMS < -60_000):
		return health{Key: "health.clock", Args: []any{*n.ClockSkewMS / 1000}}
	case n.Sync.State == api.SyncAlone:
		return health{Good: true, Key: "health.alone"}
	case n.Sync.State != api.SyncSynced:
		return health{Key: "health.behind", Args: []any{n.Sync.Height, n.Sync.Target}}
	case n.Peers == 1:
		return health{Good: true, Key: "health.synced.one"}
	}
	return health{Good: true, Key: "health.synced.many", Args: []any{n.Peers}}
}
