package exchange

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
	"p2pchain/p2p/sketch"
)

// A Summary says which messages wait at a peer.
type Summary struct {
	Count  int            // how many
	IDs    []core.Hash    // all of them, where Sketch is nil
	Sketch *sketch.Sketch // of their ids, under a key that the peer chose
}

// Sketch returns what waits at the peer: a sketch with so many cells, or the ids where there are no
// more of them than cells.
func (c *Client) Sketch(ctx context.Context, p peer.ID, cells int) (Summary, error) {
	var reply wire.SketchReply
	request := &wire.SketchRequest{Cells: uint32(cells)}
	if err := c.askOnce(ctx, p, c.protocols.Sketch, request, &reply, cells*sketch.CellBytes+maxSmallFrame); err != nil {
		return Summary{}, fmt.Errorf("sketch: %w", err)
	}
	return decodeSummary(&reply, cells)
}

func decodeSummary(reply *wire.SketchReply, cells int) (Summary, error) {
	if reply.Count > 1<<32 {
		return Summary{}, broken("%d messages waiting", reply.Count)
	}
	out := Summary{Count: int(reply.Count)}
	var err error
	if len(reply.Key) == 0 {
		out.IDs, err = splitHashes(reply.Ids, cells)
		if err == nil && (len(out.IDs) != out.Count || len(reply.Cells) > 0) {
			err = broken("%d ids of %d waiting messages", len(out.IDs), out.Count)
		}
		return out, err
	}
	var key sketch.Key
	if !fill(key[:], reply.Key) || len(reply.Ids) > 0 {
		return Summary{}, broken("sketch with a key of %d bytes", len(reply.Key))
	}
	if out.Sketch, err = sketch.Decode(key, reply.Cells); err != nil {
		return Summary{}, broken("%w", err)
	}
	if out.Sketch.Cells() != cells {
		return Summary{}, broken("sketch of %d cells, asked for %d", out.Sketch.Cells(), cells)
	}
	return out, nil
}

// Offer tells a peer of messages that wait here and perhaps not there, at most MaxOffer, and returns
// how many the peer took. It asks for them before it answers.
func (c *Client) Offer(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	ids = ids[:min(len(ids), MaxOffer)]
	var reply wire.OfferReply
	if err := c.askOnce(ctx, p, c.protocols.Offer, &wire.OfferRequest{Ids: joinHashes(ids)}, &reply, maxSmallFrame); err != nil {
		return 0, fmt.Errorf("offer: %w", err)
	}
	if int(reply.Taken) > len(ids) {
		return 0, broken("%d of %d offered messages taken", reply.Taken, len(ids))
	}
	return int(reply.Taken), nil
}
