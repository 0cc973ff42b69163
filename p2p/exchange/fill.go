package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/p2p/exchange/wire"
)

// ErrAbsent means that the peer does not have the block, which may change soon: an announcement is
// forwarded before its block is there.
var ErrAbsent = consensus.NewRefusal("the peer does not have the block", consensus.Undecided)

// MaxPositions is how many messages of a block one request may ask for. Who lacks more of a block
// asks for all of it.
const MaxPositions = 8192

const (
	maxFillFrame   = core.HashSize + 3*MaxPositions + maxSmallFrame // a position takes up to 3 bytes
	leavesPerFrame = targetFrame / core.LeafSize
)

// Fill returns the messages at these positions of a block, ascending, of which there must not be more
// than MaxPositions; ErrAbsent. All that was judged is that they are as many, and not more bytes than
// the network allows for a block: whether they are those of the block is for its root to say.
func (c *Client) Fill(ctx context.Context, p peer.ID, block core.Hash, positions []int) ([]*core.Message, error) {
	request := &wire.FillRequest{Block: block[:], Positions: make([]uint32, len(positions))}
	for i, at := range positions {
		request.Positions[i] = uint32(at)
	}
	a, err := c.ask(ctx, p, c.protocols.Fill, request, maxFrame)
	if err != nil {
		return nil, fmt.Errorf("parts of a block: %w", err)
	}
	msgs, err := c.readFill(a, len(positions))
	if err = endAbsent(ctx, a, err); err != nil {
		return nil, fmt.Errorf("parts of a block: %w", err)
	}
	return msgs, nil
}

func (c *Client) readFill(a *answer, count int) ([]*core.Message, error) {
	var out []*core.Message
	size := 0
	for len(out) < count {
		p, err := nextPart(a, count-len(out))
		if err == io.EOF && len(out) == 0 { // not one wrapped by a frame that was cut off
			return nil, ErrAbsent
		}
		if err != nil {
			return nil, noEOF(err)
		}
		msgs, err := decodeMessages(c.network, p.messages)
		if err != nil {
			return nil, err
		}
		for _, m := range msgs {
			size += m.Size()
		}
		if size > c.network.Params.MaxBlockBytes {
			return nil, broken("parts of a block of more than %d bytes", c.network.Params.MaxBlockBytes)
		}
		out = append(out, msgs...)
	}
	return out, nil
}

// Leaves returns the leaves of the block with this header, which give its message root; ErrAbsent.
func (c *Client) Leaves(ctx context.Context, p peer.ID, h *core.Header) ([]core.Leaf, error) {
	if h.MessageCount > uint32(c.network.Params.MaxBlockMessages) {
		return nil, consensus.ErrMessageCount
	}
	hash := h.Hash()
	a, err := c.ask(ctx, p, c.protocols.Leaves, &wire.LeavesRequest{Block: hash[:]}, maxFrame)
	if err != nil {
		return nil, fmt.Errorf("leaves of a block: %w", err)
	}
	leaves, err := readLeaves(a, int(h.MessageCount))
	if err == nil && core.MessageRoot(leaves) != h.MessageRoot {
		err = broken("leaves that do not give the message root of block %v", hash)
	}
	if err = endAbsent(ctx, a, err); err != nil {
		return nil, fmt.Errorf("leaves of a block: %w", err)
	}
	return leaves, nil
}

func readLeaves(a *answer, count int) ([]core.Leaf, error) {
	if err := a.reserve(count * core.LeafSize); err != nil {
		return nil, err
	}
	leaves := make([]core.Leaf, 0, min(count, leavesPerFrame)) // grows with what comes
	for len(leaves) < count {
		var reply wire.LeavesReply
		err := a.read(&reply, maxFrame)
		if err == io.EOF && len(leaves) == 0 {
			return nil, ErrAbsent
		}
		if err != nil {
			return nil, noEOF(err)
		}
		b := reply.Leaves
		if len(b) == 0 || len(b)%core.LeafSize != 0 || len(b)/core.LeafSize > count-len(leaves) {
			return nil, broken("%d bytes of leaves", len(b))
		}
		for ; len(b) > 0; b = b[core.LeafSize:] {
			leaves = append(leaves, core.DecodeLeaf([core.LeafSize]byte(b)))
		}
	}
	return leaves, nil
}

// endAbsent ends an answer. That the peer has not got the block is a complete answer.
func endAbsent(ctx context.Context, a *answer, err error) error {
	if errors.Is(err, ErrAbsent) {
		a.end(ctx, nil)
		return err
	}
	return a.end(ctx, err)
}

// positionsOf checks the positions of a request.
func positionsOf(request *wire.FillRequest) (block core.Hash, positions []uint32, err error) {
	if !fill(block[:], request.Block) {
		return block, nil, broken("request for parts of no block")
	}
	positions = request.Positions
	if len(positions) == 0 || len(positions) > MaxPositions {
		return block, nil, broken("request for %d messages of a block", len(positions))
	}
	for i := 1; i < len(positions); i++ {
		if positions[i] <= positions[i-1] {
			return block, nil, broken("position %d after %d", positions[i], positions[i-1])
		}
	}
	return block, positions, nil
}

func (s *Server) serveFill(ctx context.Context, c *call) error {
	var request wire.FillRequest
	if err := c.read(&request, maxFillFrame); err != nil {
		return err
	}
	block, positions, err := positionsOf(&request)
	if err != nil {
		return err
	}
	return s.withLeaves(ctx, c, block, func(leaves []core.Leaf) error {
		if last := positions[len(positions)-1]; int64(last) >= int64(len(leaves)) {
			return broken("position %d in a block of %d messages", last, len(leaves))
		}
		msgs, size := make([]*core.Message, 0, len(positions)), 0
		for _, at := range positions {
			m, err := s.chain.Message(leaves[at])
			if errors.Is(err, chain.ErrNotFound) {
				return nil // its block was forgotten just now
			}
			if err != nil {
				return fmt.Errorf("reading message %v: %w", leaves[at].ID, err)
			}
			msgs = append(msgs, m)
			size += m.Size()
		}
		k := newPacker(c.writeFrame)
		return s.sendSlowly(ctx, c, size, func() error { return k.addAll((&core.Block{Messages: msgs}).Raw().Messages) })
	})
}

func (s *Server) serveLeaves(ctx context.Context, c *call) error {
	var request wire.LeavesRequest
	if err := c.read(&request, core.HashSize+maxSmallFrame); err != nil {
		return err
	}
	var block core.Hash
	if !fill(block[:], request.Block) {
		return broken("request for leaves of no block")
	}
	return s.withLeaves(ctx, c, block, func(leaves []core.Leaf) error {
		return s.sendSlowly(ctx, c, len(leaves)*core.LeafSize, func() error { return sendLeaves(c, leaves) })
	})
}

func sendLeaves(c *call, leaves []core.Leaf) error {
	for len(leaves) > 0 {
		n := min(len(leaves), leavesPerFrame)
		b := make([]byte, 0, n*core.LeafSize)
		for i := range leaves[:n] {
			leaf := leaves[i].Bytes()
			b = append(b, leaf[:]...)
		}
		if err := c.write(&wire.LeavesReply{Leaves: b}); err != nil {
			return err
		}
		leaves = leaves[n:]
	}
	return nil
}

// withLeaves calls f with the leaves of a block, if it is here. They and what f reads are held in the
// room for blocks, and reading them counts for the peer's rate of blocks.
func (s *Server) withLeaves(ctx context.Context, c *call, block core.Hash, f func([]core.Leaf) error) error {
	room, err := s.takeRoom(ctx, c.guest, func() error { return nil })
	if err != nil {
		return fmt.Errorf("waiting for room: %w", err)
	}
	defer func() { s.giveRoom(c.guest, room) }()
	leaves, err := s.chain.Leaves(block)
	if errors.Is(err, chain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the leaves of block %v: %w", block, err)
	}
	size := len(leaves) * core.LeafSize
	if err := c.reserve(size); err != nil {
		return err
	}
	defer c.giveBack(size)
	if err := c.guest.wait(ctx, kindBlocks, 4+size>>10, s.cfg.FrameTimeout); err != nil {
		return err
	}
	return f(leaves)
}

// sendSlowly sends what was read of a block, at the peer's rate, and may be ended for others.
func (s *Server) sendSlowly(ctx context.Context, c *call, size int, send func() error) error {
	if err := c.reserve(size + 2*targetFrame); err != nil {
		return err
	}
	defer c.giveBack(size + 2*targetFrame)
	if err := c.guest.wait(ctx, kindBlocks, size>>10, s.cfg.FrameTimeout); err != nil {
		return err
	}
	before := c.sent.Load()
	stop := s.blocks.watch(&hold{
		since: time.Now(), size: int64(size), end: c.cancel,
		sent: func() int64 { return c.sent.Load() - before },
	})
	defer stop()
	return send()
}
