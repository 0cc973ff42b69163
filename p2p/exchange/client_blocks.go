package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange/wire"
)

// Blocks calls each for every one of the blocks that the peer has, in the order asked, of which up to
// MaxBlocks count. A block has the hash that was asked for, as many messages as its header says, and
// no more bytes than the network allows; whether its leaves give the message root was not judged.
// The first error of each ends it and is returned as it is. Part is told the bytes of every part of a
// block that came and is not its last one: its messages have their form, and the block may have them.
func (c *Client) Blocks(ctx context.Context, p peer.ID, hashes []core.Hash, part func(bytes int), each func(*core.Block) error) error {
	hashes = hashes[:min(len(hashes), MaxBlocks)]
	if len(hashes) == 0 {
		return nil
	}
	return c.blocks(ctx, p, &wire.BlocksRequest{Hashes: joinHashes(hashes)}, len(hashes), part, each, func(h *core.Header) error {
		hash := h.Hash()
		for i := range hashes {
			if hashes[i] == hash {
				hashes = hashes[i+1:] // what was left out does not come any more
				return nil
			}
		}
		return broken("block %v was not asked for", hash)
	})
}

// BlockRange is Blocks for the blocks of the peer's best chain from a height upwards. Each names the
// one before it as its parent.
func (c *Client) BlockRange(ctx context.Context, p peer.ID, from uint64, count int, each func(*core.Block) error) error {
	count = min(count, MaxBlocks)
	if count < 1 {
		return nil
	}
	height, parent := from, core.Hash{}
	request := &wire.BlocksRequest{From: from, Count: uint32(count)}
	return c.blocks(ctx, p, request, count, func(int) {}, each, func(h *core.Header) error {
		if h.Height != height || (height != from && h.PreviousHash != parent) {
			return broken("block of height %d does not continue the range", h.Height)
		}
		height, parent = height+1, h.Hash()
		return nil
	})
}

// blocks reads up to limit blocks whose headers pass wanted.
func (c *Client) blocks(ctx context.Context, p peer.ID, request *wire.BlocksRequest, limit int,
	part func(bytes int), each func(*core.Block) error, wanted func(*core.Header) error) error {
	a, err := c.ask(ctx, p, c.protocols.Blocks, request, maxFrame)
	if err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	for range limit {
		b, err := c.readBlock(a, part, wanted)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("blocks: %w", a.end(ctx, err))
		}
		if err := each(b); err != nil {
			a.end(ctx, err)
			return err
		}
	}
	return a.end(ctx, nil)
}

// readBlock reads the parts of one block; io.EOF means that there are no more blocks.
func (c *Client) readBlock(a *answer, came func(bytes int), wanted func(*core.Header) error) (*core.Block, error) {
	params := &c.network.Params
	frame, err := a.next(maxFrame)
	if err != nil {
		return nil, err
	}
	p, err := parsePart(frame, params.MaxBlockMessages)
	if err != nil {
		return nil, err
	}
	header, err := core.DecodeHeader(p.header)
	if err != nil {
		return nil, broken("block: %w", err)
	}
	if err := wanted(&header); err != nil {
		return nil, err
	}
	if header.MessageCount > uint32(params.MaxBlockMessages) {
		return nil, broken("block of %d messages", header.MessageCount)
	}
	b := &core.Block{Header: header}
	size, held := core.HeaderSize, a.reserved
	defer func() { a.giveBack(a.reserved - held) }() // from here on the block is the caller's
	for {
		before := size
		msgs, err := core.DecodeMessages(c.network.Genesis, p.messages)
		if err != nil {
			return nil, broken("message: %w", err)
		}
		for _, m := range msgs {
			size += m.Size()
		}
		b.Messages = append(b.Messages, msgs...)
		if len(b.Messages) > int(header.MessageCount) || size > params.MaxBlockBytes {
			return nil, broken("block of more than %d messages or %d bytes", header.MessageCount, params.MaxBlockBytes)
		}
		if len(b.Messages) == int(header.MessageCount) {
			return b, nil
		}
		came(size - before)
		if p, err = nextPart(a, int(header.MessageCount)-len(b.Messages)); err != nil {
			return nil, noEOF(err)
		}
	}
}

// nextPart reads a part that goes on where the last one ended, and reserves memory for what is made
// of it.
func nextPart(a *answer, maxMessages int) (part, error) {
	frame, err := a.next(maxFrame)
	if err != nil {
		return part{}, err
	}
	if err := a.reserve(len(frame)); err != nil {
		return part{}, err
	}
	p, err := parsePart(frame, maxMessages)
	if err != nil {
		return part{}, err
	}
	if p.header != nil || len(p.messages) == 0 {
		return part{}, broken("part that does not go on with the messages")
	}
	return p, nil
}

func decodeMessages(n *core.Network, encoded [][]byte) ([]*core.Message, error) {
	msgs := make([]*core.Message, len(encoded))
	for i, b := range encoded {
		m, err := core.DecodeMessage(n.Genesis, b)
		if err != nil {
			return nil, broken("message: %w", err)
		}
		msgs[i] = m
	}
	return msgs, nil
}

// Messages returns those of the waiting messages that the peer has, of which up to MaxIDs are asked
// for. Each has one of the ids and comes once; nothing else of them was judged.
func (c *Client) Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error) {
	ids = ids[:min(len(ids), MaxIDs)]
	if len(ids) == 0 {
		return nil, nil
	}
	a, err := c.ask(ctx, p, c.protocols.Messages, &wire.MessagesRequest{Ids: joinHashes(ids)}, maxFrame)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	msgs, err := c.readMessages(a, ids)
	if err = a.end(ctx, err); err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	return msgs, nil
}

func (c *Client) readMessages(a *answer, ids []core.Hash) ([]*core.Message, error) {
	wanted := make(map[core.Hash]bool, len(ids))
	for _, id := range ids {
		wanted[id] = true
	}
	var out []*core.Message
	for len(wanted) > 0 {
		p, err := nextPart(a, len(wanted))
		if err == io.EOF { // not one wrapped by a frame that was cut off
			break
		}
		if err != nil {
			return nil, err
		}
		msgs, err := decodeMessages(c.network, p.messages)
		if err != nil {
			return nil, err
		}
		for _, m := range msgs {
			if !wanted[m.ID] {
				return nil, broken("message %v was not asked for", m.ID)
			}
			delete(wanted, m.ID)
			out = append(out, m)
		}
	}
	return out, nil
}
