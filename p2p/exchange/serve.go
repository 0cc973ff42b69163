package exchange

import (
	"context"
	"errors"
	"fmt"

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
		m, err := s.find(id)
		if errors.Is(err, chain.ErrNotFound) || err == nil && m.Body == nil {
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

// find returns a message that waits or that a block has.
func (s *Server) find(id core.Hash) (*core.Message, error) {
	m, err := s.pool.Message(id)
	if errors.Is(err, chain.ErrNotFound) {
		return s.chain.Find(id)
	}
	return m, err
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
