package exchange

import (
	"context"
	"fmt"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
	"p2pchain/p2p/sketch"
)

// serveSketch says what waits: by a list where that is not longer than the sketch that was asked for.
func (s *Server) serveSketch(ctx context.Context, c *call) error {
	var request wire.SketchRequest
	if err := c.read(&request, maxSmallFrame); err != nil {
		return err
	}
	cells := int(request.Cells)
	if !sketch.ValidSize(cells) {
		return broken("request for a sketch of %d cells", request.Cells)
	}
	if err := c.guest.wait(ctx, kindSketch, 1+cells*sketch.CellBytes>>10, s.cfg.FrameTimeout); err != nil {
		return err
	}
	if err := c.reserve(3 * cells * sketch.CellBytes); err != nil { // as cells, as bytes and as a frame
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, s.cfg.FrameTimeout)
	defer cancel()
	sum, err := s.sketches.summary(waiting)
	if err != nil {
		return err
	}
	reply := &wire.SketchReply{Count: uint64(sum.count)}
	if sum.count <= cells {
		reply.Ids = joinHashes(sum.ids)
		return c.write(reply)
	}
	key := sum.whole.Key()
	reply.Key, reply.Cells = key[:], sum.whole.Fold(cells).Encode()
	return c.write(reply)
}

// serveOffer hears what the peer has and we may lack. What is worth having is asked for before the
// answer, so nobody can offer more than is taken.
func (s *Server) serveOffer(ctx context.Context, c *call) error {
	var request wire.OfferRequest
	if err := c.read(&request, MaxOffer*core.HashSize+maxSmallFrame); err != nil {
		return err
	}
	ids, err := splitHashes(request.Ids, MaxOffer)
	if err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindOffer, len(ids), s.cfg.FrameTimeout); err != nil {
		return err
	}
	taken, err := s.peers.Offered(ctx, c.peer, ids)
	if err != nil {
		return fmt.Errorf("taking what was offered: %w", err)
	}
	return c.write(&wire.OfferReply{Taken: uint32(taken)})
}
