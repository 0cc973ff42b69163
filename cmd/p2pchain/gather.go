package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"p2pchain/cmd/internal/spool"
)

const (
	// A group is stored in one piece, all or nothing, so it must be no larger than what a node makes
	// durable at once.
	gatherLines = 1000
	gatherBytes = 1 << 20
)

// A gatherer groups lines: whatever comes while the group before is on its way is the next one. So a
// line that comes alone is sent at once, and a flood is sent in large pieces.
type gatherer struct {
	id     string // of its keys
	groups chan *spool.Group
	ended  chan struct{} // closed when nothing more is read
	next   *spool.Group
	bytes  int
	made   int
	err    error // why the input ended too early; to be read when groups is closed
}

func newGatherer(id string) *gatherer {
	g := &gatherer{id: id, groups: make(chan *spool.Group), ended: make(chan struct{})}
	g.renew()
	return g
}

func (g *gatherer) renew() {
	g.made++
	g.next, g.bytes = &spool.Group{Key: fmt.Sprintf("%s-%d", g.id, g.made)}, 0
}

// run reads lines until their end or that of ctx, hands over the last group, and closes groups. Empty
// lines are counted and left out. Who receives must do so until the end.
func (g *gatherer) run(ctx context.Context, lines iter.Seq2[[]byte, error]) {
	defer close(g.groups)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in := pump{make(chan pumped), make(chan struct{})}
	go in.run(ctx, lines)
	for number := 1; ; {
		items, groups := in.items, g.groups
		if len(g.next.Lines) == 0 {
			groups = nil
		} else if len(g.next.Lines) >= gatherLines || g.bytes >= gatherBytes {
			items = nil // who writes to us waits
		}
		select {
		case groups <- g.next:
			g.renew()
		case item, ok := <-items:
			if !ok || item.err != nil {
				g.err = item.err
				g.rest()
				return
			}
			g.add(number, item.text)
			number++
			select {
			case in.taken <- struct{}{}:
			case <-ctx.Done():
			}
		case <-ctx.Done():
			g.rest()
			return
		}
	}
}

func (g *gatherer) add(number int, line []byte) {
	if len(line) > 0 {
		g.next.Lines = append(g.next.Lines, spool.Line{Number: number, Payload: bytes.Clone(line)})
		g.bytes += len(line)
	}
}

// rest ends the input, and hands over what is left of it.
func (g *gatherer) rest() {
	close(g.ended)
	if len(g.next.Lines) > 0 {
		g.groups <- g.next
	}
}
