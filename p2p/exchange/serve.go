package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/p2p/exchange/wire"
)

func (s *Server) serveHello(ctx context.Context, c *call) error {
	var request wire.Hello
	if err := c.read(&request, maxHelloFrame); err != nil {
		return err
	}
	h, err := decodeHello(&request)
	if err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindHello, 1, s.cfg.FrameTimeout); err != nil {
		return err
	}
	own := s.peers.Self()
	if err := c.write(own.encode()); err != nil {
		return err
	}
	s.peers.Greeted(c.peer, h)
	return nil
}

func (s *Server) serveHeaders(ctx context.Context, c *call) error {
	var request wire.HeadersRequest
	if err := c.read(&request, MaxLocator*core.HashSize+maxSmallFrame); err != nil {
		return err
	}
	locator, err := splitHashes(request.Locator, MaxLocator)
	if err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindHeaders, 1, s.cfg.FrameTimeout); err != nil {
		return err
	}
	limit := int(min(request.Limit, MaxHeaders))
	if err := c.reserve(2 * maxHeadersFrame(limit)); err != nil { // as headers and as a frame
		return err
	}
	encoded, err := s.readHeaders(ctx, locator, limit)
	if err != nil {
		return err
	}
	return c.write(&wire.HeadersReply{Headers: encoded})
}

// readHeaders does for few requests at a time what costs far more than asking for it.
func (s *Server) readHeaders(ctx context.Context, locator []core.Hash, limit int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.FrameTimeout)
	defer cancel()
	if err := s.headers.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("waiting to read headers: %w", err)
	}
	defer s.headers.Release(1)
	headers, err := s.chain.HeadersAfter(locator, limit)
	if err != nil {
		return nil, fmt.Errorf("reading headers: %w", err)
	}
	encoded := make([]byte, 0, len(headers)*core.HeaderSize)
	for i := range headers {
		b := headers[i].Encode()
		encoded = append(encoded, b[:]...)
	}
	return encoded, nil
}

func (s *Server) serveBlocks(ctx context.Context, c *call) error {
	var request wire.BlocksRequest
	if err := c.read(&request, MaxBlocks*core.HashSize+maxSmallFrame); err != nil {
		return err
	}
	hashes, err := splitHashes(request.Hashes, MaxBlocks)
	if err != nil {
		return err
	}
	if len(hashes) > 0 && request.Count > 0 || request.Count > MaxBlocks || request.From+uint64(request.Count) < request.From {
		return broken("request for %d hashes and %d blocks from %d", len(hashes), request.Count, request.From)
	}
	for i := range uint64(request.Count) {
		hash, err := s.chain.HashAt(request.From + i)
		if errors.Is(err, chain.ErrNotFound) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading height %d: %w", request.From+i, err)
		}
		hashes = append(hashes, hash)
	}
	for _, hash := range hashes {
		if err := s.sendBlock(ctx, c, hash); err != nil {
			return err
		}
	}
	return nil
}

// sendBlock sends a block if it is here.
func (s *Server) sendBlock(ctx context.Context, c *call, hash core.Hash) error {
	room, err := s.takeRoom(ctx, c.guest)
	if err != nil {
		return fmt.Errorf("waiting for room: %w", err)
	}
	defer func() { s.giveRoom(c.guest, room) }()
	b, err := s.chain.Raw(hash)
	if errors.Is(err, chain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading block %v: %w", hash, err)
	}
	size := core.HeaderSize
	for _, m := range b.Messages {
		size += len(m)
	}
	if spare := room - int64(size); spare > 0 {
		s.blocks.give(spare)
		room -= spare
	}
	if err := c.reserve(size + 2*targetFrame); err != nil {
		return err
	}
	defer c.giveBack(size + 2*targetFrame)
	before := c.sent.Load()
	stop := s.blocks.watch(&hold{
		since: time.Now(), size: int64(size), end: c.cancel,
		sent: func() int64 { return c.sent.Load() - before },
	})
	defer stop()
	if err := c.guest.wait(ctx, kindBlocks, 4+size>>10, s.cfg.FrameTimeout); err != nil {
		return err
	}
	k := newPacker(c.writeFrame)
	k.header(&b.Header)
	return k.addAll(b.Messages)
}

// takeRoom waits until a block may be read for a peer, for no longer than the peer does. How large
// the block is shows only then, so there must be room for the largest.
func (s *Server) takeRoom(ctx context.Context, g *guest) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.FrameTimeout)
	defer cancel()
	if err := g.blocks.Acquire(ctx, 1); err != nil {
		return 0, err
	}
	room := min(int64(s.network.Params.MaxBlockBytes), s.cfg.BlockMemory)
	if err := s.blocks.take(ctx, room); err != nil {
		g.blocks.Release(1)
		return 0, err
	}
	return room, nil
}

func (s *Server) giveRoom(g *guest, room int64) {
	s.blocks.give(room)
	g.blocks.Release(1)
}

func (s *Server) serveMessages(ctx context.Context, c *call) error {
	var request wire.MessagesRequest
	if err := c.read(&request, MaxIDs*core.HashSize+maxSmallFrame); err != nil {
		return err
	}
	ids, err := splitHashes(request.Ids, MaxIDs)
	if err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindMessages, len(ids), s.cfg.FrameTimeout); err != nil {
		return err
	}
	if err := c.reserve(2 * (targetFrame + core.MaxMessageSize)); err != nil {
		return err
	}
	k := newPacker(c.writeFrame)
	for _, id := range ids {
		m, err := s.pool.Message(id)
		if errors.Is(err, chain.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading message %v: %w", id, err)
		}
		if err := k.add(m.Bytes()); err != nil {
			return err
		}
	}
	return k.flush()
}

func (s *Server) serveMempool(ctx context.Context, c *call) error {
	var request wire.MempoolRequest
	if err := c.read(&request, maxSmallFrame); err != nil {
		return err
	}
	if err := c.guest.wait(ctx, kindMempool, 1, s.cfg.FrameTimeout); err != nil {
		return err
	}
	limit := int(min(request.Limit, MaxPage))
	if err := c.reserve(4 * limit * core.HashSize); err != nil { // as a list, as ids and as a frame
		return err
	}
	waiting, err := s.pool.List(request.After, limit)
	if err != nil {
		return fmt.Errorf("reading the mempool: %w", err)
	}
	reply := &wire.MempoolReply{End: request.After, Ids: make([]byte, 0, len(waiting)*core.HashSize)}
	for i := range waiting {
		reply.Ids = append(reply.Ids, waiting[i].ID[:]...)
		reply.End = waiting[i].Seq
	}
	return c.write(reply)
}

// serveVote judges a message. Nothing of it is kept and nothing is promised: to add it, its author
// has to send it.
func (s *Server) serveVote(ctx context.Context, c *call) error {
	if err := c.guest.wait(ctx, kindVote, 1, s.cfg.FrameTimeout); err != nil {
		return err
	}
	var request wire.VoteRequest
	if err := c.read(&request, core.MaxMessageSize+maxSmallFrame); err != nil {
		return err
	}
	reply := &wire.VoteReply{Yes: true}
	if err := judge(s.network, request.Message); err != nil {
		reply.Yes, reply.Reason = false, printable(err.Error(), maxReason)
	}
	return c.write(reply)
}

// judge returns why a node would refuse a message.
func judge(n *core.Network, encoded []byte) error {
	m, err := core.DecodeMessage(n.Genesis, encoded)
	if err != nil {
		return err
	}
	if m.Body == nil {
		return consensus.ErrBodyMissing
	}
	if err := consensus.CheckMessage(n, m); err != nil {
		return err
	}
	return consensus.CheckSignature(m)
}
