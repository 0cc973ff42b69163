package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/api/receipt"
)

const (
	// mostDrawn is how many peers the picture shows; the table has all.
	mostDrawn = 48
	// mostOnRing is how many of them are on one ellipse, mostNamed how many have names on a small screen.
	mostOnRing, mostNamed = 14, 10
	// Where there are more, those on the inner one have no names at all.
	mostInside = 28
	// roomForName is how much a peer with its name takes above or below its middle.
	roomForName = 50
	// oldNews is the age of a block that every peer which is not behind had when it last said what it has: they
	// do so every 30 seconds.
	oldNews = 45 * time.Second
)

// peersData is what the page of the peers shows.
type peersData struct {
	Node   api.Node
	Peers  []api.Peer
	Drawn  []spoke
	Box    string // what the picture shows, as an SVG's viewBox
	Hidden int    // peers that are not drawn
	// Crowded says that a small screen has no room for all names in the picture.
	Crowded bool
	Invite  *api.Invite
	QR      template.HTML // of the invite
}

// A spoke is a peer in the picture, around this node in its middle.
type spoke struct {
	api.Peer
	X, Y   float64 // in the picture's units, whose middle is 0
	Class  string  // of its line: whether it is in the mesh, and who called
	Below  bool    // its name is written below it
	Mute   bool    // there is no room for its name
	Behind bool    // its chain has less work than ours, and not only since it said so
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
	latest, err := s.cfg.Source.Blocks(ctx, "", pageBlocks)
	if err != nil {
		return view{}, err
	}
	now := s.cfg.Now()
	data.Drawn = spokes(data.Peers[:min(len(data.Peers), mostDrawn)], func(p *api.Peer) bool {
		return p.Work.Cmp(data.Node.Tip.Work) < 0 && lacksOld(p, latest.Blocks, now)
	})
	data.Box = boxOf(data.Drawn)
	data.Hidden = len(data.Peers) - len(data.Drawn)
	data.Crowded = len(data.Drawn) > mostNamed
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
	return view{name: "peers", title: "peers.title", event: data.Node.LastEvent, data: data}, nil
}

// spokes places peers on an ellipse, from the left on; where there are many, every second one on a smaller one,
// so that there is room for their names.
func spokes(peers []api.Peer, behind func(*api.Peer) bool) []spoke {
	const width, height, inner = 290, 155, 0.62
	out := make([]spoke, len(peers))
	for i, p := range peers {
		at, size := 2*math.Pi*float64(i)/float64(len(peers))-math.Pi, 1.0
		if len(peers) > mostOnRing && i%2 == 1 {
			size = inner
		}
		mute := size < 1 && len(peers) > mostInside
		x, y := math.Round(size*width*math.Cos(at)), math.Round(size*height*math.Sin(at))
		out[i] = spoke{Peer: p, X: x, Y: y, Class: lineOf(&p), Below: y >= 0, Mute: mute, Behind: behind(&p)}
	}
	return out
}

// lacksOld reports whether a peer with less work than we lacked a block of ours that is old. That the latest ones are
// not in what it said last shows nothing.
func lacksOld(p *api.Peer, latest []api.Block, now time.Time) bool {
	if len(latest) == 0 {
		return false
	}
	first := latest[0] // that it lacks; where it is as high as we, it is on another branch
	for _, b := range latest {
		if b.Height > p.Height {
			first = b
		}
	}
	return first.Height > p.Height+1 || now.Sub(first.Time.Time()) > oldNews
}

// boxOf returns the viewBox of a picture that is as high as its peers need.
func boxOf(drawn []spoke) string {
	half := roomForName
	for _, s := range drawn {
		half = max(half, roomForName+int(math.Abs(s.Y)))
	}
	return fmt.Sprintf("-350 -%d 700 %d", half, 2*half)
}

// lineOf returns the classes of the line to a peer.
func lineOf(p *api.Peer) string {
	class := [...]string{"outside", "one", "both"}[min(len(p.Mesh), 2)]
	if p.Direction == api.DirectionInbound {
		class += " inbound"
	}
	return class
}
