package web

import (
	"context"
	"errors"
	"html/template"
	"math"
	"net/http"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/api/receipt"
)

// mostDrawn is how many peers the picture shows; the table has all.
const mostDrawn = 48

// peersData is what the page of the peers shows.
type peersData struct {
	Node   api.Node
	Peers  []api.Peer
	Drawn  []spoke
	Hidden int // peers that are not drawn
	Invite *api.Invite
	QR     template.HTML // of the invite
}

// A spoke is a peer in the picture, around this node in its middle.
type spoke struct {
	api.Peer
	X, Y   float64 // in the picture's units, whose middle is 0
	Below  bool    // its name is written below it
	Behind bool    // its chain has less work than ours
}

func (s *Site) peers(ctx context.Context, _ *http.Request) (view, error) {
	data := peersData{}
	var err error
	if data.Node, err = s.cfg.Source.Node(ctx); err != nil {
		return view{}, err
	}
	if data.Peers, err = s.cfg.Source.Peers(ctx); err != nil {
		return view{}, err
	}
	data.Drawn = spokes(data.Peers[:min(len(data.Peers), mostDrawn)], &data.Node)
	data.Hidden = len(data.Peers) - len(data.Drawn)
	invite, err := s.cfg.Source.Invite(ctx)
	var refused *client.Error
	switch {
	case err == nil:
		data.Invite = &invite
		if data.QR, err = receipt.QRCode(invite.Invite); err != nil {
			return view{}, err
		}
	case !errors.As(err, &refused): // nobody can say yet where this node is
		return view{}, err
	}
	return view{name: "peers", title: "peers.title", data: data}, nil
}

// spokes places peers on an ellipse, from the left on.
func spokes(peers []api.Peer, node *api.Node) []spoke {
	const width, height = 360, 120
	out := make([]spoke, len(peers))
	for i, p := range peers {
		at := 2*math.Pi*float64(i)/float64(len(peers)) - math.Pi
		x, y := math.Round(width*math.Cos(at)), math.Round(height*math.Sin(at))
		out[i] = spoke{Peer: p, X: x, Y: y, Below: y >= 0, Behind: p.Work.Cmp(node.Tip.Work) < 0}
	}
	return out
}
