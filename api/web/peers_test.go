package web

import (
	"context"
	"fmt"
	"math"
	"net/http/httptest"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/api/browsertest"
	"p2pchain/core"
)

// A crowd is a node with many peers of all kinds.
type crowd struct {
	*fakeSource
	size int
}

// Peers implements Source.
func (c *crowd) Peers(context.Context) ([]api.Peer, error) {
	meshes := [][]string{{api.TopicMessages, api.TopicBlocks}, {api.TopicBlocks}, {}}
	peers := make([]api.Peer, c.size)
	for i := range peers {
		id := fmt.Sprintf("12D3KooW%036x%08x", i, uint32(i+1)*2654435761)
		peers[i] = api.Peer{
			ID: id, Addresses: []string{fmt.Sprintf("/ip4/10.0.%d.7/udp/22345/quic-v1/p2p/%s", i, id)}, Direction: "outbound", Agent: "p2pchain/1.0.0",
			Height: 3, Work: core.NewWork(0, 5), LatencyMS: float64(i) + 0.4, Connected: 1e12, Mesh: meshes[i%3],
		}
		if i%4 == 1 {
			peers[i].Direction = api.DirectionInbound
		}
		if i%7 == 3 {
			peers[i].Work = core.Work{}
		}
	}
	return peers, nil
}

// Node implements Source.
func (c *crowd) Node(ctx context.Context) (api.Node, error) {
	n, err := c.fakeSource.Node(ctx)
	n.Tip.Work, n.Links = core.NewWork(0, 5), api.Links{Inbound: c.size / 4, Outbound: c.size - c.size/4, Known: 2 * c.size}
	return n, err
}

// TestSpokes holds that no two names of the picture are on top of each other, and what a line says.
func TestSpokes(t *testing.T) {
	const letter, line = 8, 16 // of a name, in the picture's units
	for size := 1; size <= 28; size++ {
		c := &crowd{&fakeSource{}, size}
		peers, _ := c.Peers(t.Context())
		node, _ := c.Node(t.Context())
		drawn := spokes(peers, func(p *api.Peer) bool { return p.Work.Cmp(node.Tip.Work) < 0 })
		for i, a := range drawn {
			if math.Abs(a.X) > 350-4*letter || math.Abs(a.Y) > 205-2*line {
				t.Errorf("%d of %d peers is outside of the picture: %v, %v", i, size, a.X, a.Y)
			}
			for _, b := range drawn[:i] {
				if math.Abs(a.X-b.X) < 7*letter && math.Abs(nameY(a)-nameY(b)) < line {
					t.Errorf("of %d peers %s and %s are at %v, %v and %v, %v", size, tail(a.ID), tail(b.ID), a.X, a.Y, b.X, b.Y)
				}
			}
		}
	}
	for want, p := range map[string]api.Peer{
		"both":            {Mesh: []string{"messages", "blocks"}},
		"one inbound":     {Mesh: []string{"blocks"}, Direction: api.DirectionInbound},
		"outside inbound": {Direction: api.DirectionInbound},
		"outside":         {Direction: "outbound"},
	} {
		if got := lineOf(&p); got != want {
			t.Errorf("%+v: the line is %q, want %q", p, got, want)
		}
	}
}

// TestBehind holds that a peer is drawn as behind only where it is known to be: what it has said is up to half a minute
// old, and a new block is no reason.
func TestBehind(t *testing.T) {
	const now = api.Time(1e12)
	chain := func(ages ...time.Duration) (latest []api.Block) {
		for i, age := range ages {
			latest = append(latest, api.Block{Height: uint64(10 - i), Time: now - api.Time(age.Milliseconds())})
		}
		return latest
	}
	for _, tt := range []struct {
		name   string
		height uint64
		latest []api.Block
		want   bool
	}{
		{"a new block", 9, chain(time.Second, time.Hour), false},
		{"three new blocks", 7, chain(time.Second, 20*time.Second, 40*time.Second, time.Hour), false},
		{"a new block on an old one that it lacks", 8, chain(time.Second, time.Minute, time.Hour), true},
		{"an old block", 9, chain(time.Minute, time.Hour), true},
		{"another branch, left just now", 10, chain(time.Second, time.Hour), false},
		{"another branch, left long ago", 12, chain(time.Minute, time.Hour), true},
		{"more than is listed", 3, chain(time.Second, 2*time.Second), true},
		{"nothing is listed", 3, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := lacksOld(&api.Peer{Height: tt.height}, tt.latest, now.Time()); got != tt.want {
				t.Errorf("lacksOld = %v, want %v", got, tt.want)
			}
		})
	}
}

// nameY returns the height of a peer's name in the picture.
func nameY(s spoke) float64 {
	if s.Below {
		return s.Y + 26
	}
	return s.Y - 17
}

// TestBrowserPeers keeps pictures of nodes with few and with many peers, and holds that all that should be is drawn,
// within the window.
func TestBrowserPeers(t *testing.T) {
	b := browsertest.Start(t)
	for _, size := range []int{1, 5, 20, 60} {
		server := httptest.NewServer(newSite(t, &crowd{&fakeSource{payload: text("x")}, size}))
		t.Cleanup(server.Close)
		for _, v := range []browsertest.View{{Width: 1440, Height: 900}, {Width: 1440, Height: 900, Dark: true}, {Width: 390, Height: 800}, {Width: 390, Height: 800, Dark: true, Language: "de"}} {
			tab := b.Open(t, server.URL+"/ui/peers", v)
			if wide := browsertest.Eval[int](tab, `document.documentElement.scrollWidth`); int64(wide) > v.Width {
				t.Errorf("%d peers: %d wide in a window of %d", size, wide, v.Width)
			}
			if got := browsertest.Eval[int](tab, `document.querySelectorAll("#peersdrawn line.link").length`); got != min(size, mostDrawn)+4 {
				t.Errorf("%d peers: %d lines, with the legend", size, got)
			}
			theme := map[bool]string{true: "dark", false: "light"}[v.Dark]
			tab.Screenshot(fmt.Sprintf("web-peers-%d-%d-%s.png", size, v.Width, theme))
		}
	}
}
