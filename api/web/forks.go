package web

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"p2pchain/api"
)

const (
	// mostBranches is how many branches the picture shows, pageReorgs how many reorgs a page lists.
	mostBranches = 12
	pageReorgs   = 25
	// The picture is in units of about a pixel.
	treeWidth, branchStep = 1000, 44
	treeLeft, treeRight   = 20, 150 // what is left free beside it, for dots and names
)

// forksData is what the page of the forks shows.
type forksData struct {
	Tips     []api.Tip // the best one first
	Tree     tree
	Peers    map[string]api.Peer // by id
	Standing []api.Peer          // whose tip is not known here
	Reorgs   []api.Reorg
	Next     string // cursor of older reorgs
	More     bool   // branches that are not listed
}

// A tree is a picture of branches: the best chain on top, from left to right by height.
type tree struct {
	Width, Height int
	First, Last   uint64 // the heights at both ends of the best chain
	Trunk         string // path of the best chain
	TipX          int
	Branches      []branch
}

// A branch is one that the best chain does not have.
type branch struct {
	api.Tip
	Path   string
	X, Y   int // of its end
	ForkX  int // where it leaves the best chain
	Number int // from 1
}

func (s *Site) forks(ctx context.Context, r *http.Request) (view, error) {
	node, err := s.cfg.Source.Node(ctx)
	if err != nil {
		return view{}, err
	}
	list, err := s.cfg.Source.Tips(ctx)
	if err != nil {
		return view{}, err
	}
	reorgs, err := s.cfg.Source.Reorgs(ctx, r.URL.Query().Get("cursor"), pageReorgs)
	if err != nil {
		return view{}, err
	}
	peers, err := s.cfg.Source.Peers(ctx)
	if err != nil {
		return view{}, err
	}
	data := forksData{Tips: list.Tips, Tree: treeOf(list.Tips), Peers: make(map[string]api.Peer), Reorgs: reorgs.Reorgs, Next: reorgs.Next, More: list.More}
	for _, p := range peers {
		data.Peers[p.ID] = p
	}
	for _, id := range list.Elsewhere {
		data.Standing = append(data.Standing, data.Peers[id])
	}
	return view{name: "forks", title: "forks.title", event: node.LastEvent, data: data}, nil
}

// treeOf draws the branches that leave the best chain; the others have no known place.
func treeOf(tips []api.Tip) tree {
	if len(tips) == 0 {
		return tree{}
	}
	best := tips[0]
	first, last := best.Height, best.Height
	var drawn []api.Tip
	for _, tip := range tips[1:] {
		if tip.Fork == nil || len(drawn) == mostBranches {
			continue
		}
		drawn = append(drawn, tip)
		first, last = min(first, tip.Fork.Height), max(last, tip.Height)
	}
	first -= min(first, 2+(last-first)/10) // some of what all share
	scale := float64(treeWidth-treeLeft-treeRight) / float64(max(1, last-first))
	x := func(height uint64) int { return treeLeft + int(math.Round(float64(height-first)*scale)) }
	t := tree{Width: treeWidth, Height: branchStep * (len(drawn) + 1), First: first, Last: best.Height, TipX: x(best.Height)}
	const trunk = branchStep / 2
	t.Trunk = fmt.Sprintf("M%d %dH%d", x(first), trunk, t.TipX)
	for i, tip := range drawn {
		b := branch{Tip: tip, X: x(tip.Height), Y: trunk + (i+1)*branchStep, ForkX: x(tip.Fork.Height), Number: i + 1}
		b.Path = fmt.Sprintf("M%d %dV%dQ%d %d %d %dH%d", b.ForkX, trunk, b.Y-8, b.ForkX, b.Y, b.ForkX+8, b.Y, max(b.X, b.ForkX+8))
		b.X = max(b.X, b.ForkX+8)
		t.Branches = append(t.Branches, b)
	}
	return t
}
