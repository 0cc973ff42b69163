package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/p2p/exchange/wire"
)

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
	out := &outbox{call: c}
	k := newPacker(out.send)
	for _, hash := range hashes {
		if err := s.sendBlock(ctx, c, k, out, hash); err != nil {
			return err
		}
	}
	return out.flush()
}

// outboxSize is how many bytes of small frames are written at once.
const outboxSize = 4 * writeChunk

// An outbox gathers small frames, so that small blocks are not a write each. Whoever is about to wait
// flushes it first: what was read for a peer must not come late because the next block does.
type outbox struct {
	call   *call
	frames []byte
}

// send writes a large frame at once, after those that wait, and keeps a small one.
func (o *outbox) send(frame []byte) error {
	if len(frame) >= writeChunk || len(o.frames)+len(frame) > outboxSize {
		if err := o.flush(); err != nil {
			return err
		}
	}
	if len(frame) >= writeChunk {
		return o.call.writeFrame(frame)
	}
	o.frames = append(o.frames, frame...)
	return nil
}

func (o *outbox) flush() error {
	if len(o.frames) == 0 {
		return nil
	}
	err := o.call.writeFrame(o.frames)
	o.frames = o.frames[:0]
	return err
}

// sendBlock sends a block if it is here.
func (s *Server) sendBlock(ctx context.Context, c *call, k *packer, out *outbox, hash core.Hash) error {
	room, err := s.takeRoom(ctx, c.guest, out.flush)
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
	if err := c.keep(size + 2*targetFrame); err != nil {
		return err
	}
	before := c.sent.Load()
	stop := s.blocks.watch(&hold{
		since: time.Now(), size: int64(size), end: c.cancel,
		sent: func() int64 { return c.sent.Load() - before },
	})
	defer stop()
	if units := 4 + size>>10; !c.guest.limits[kindBlocks].AllowN(time.Now(), units) {
		if err := out.flush(); err != nil {
			return err
		}
		if err := c.guest.wait(ctx, kindBlocks, units, s.cfg.FrameTimeout); err != nil {
			return err
		}
	}
	k.header(&b.Header)
	return k.addAll(b.Messages)
}

// takeRoom waits until a block may be read for a peer, for no longer than the peer does, and calls idle
// before it waits. How large the block is shows only then, so there must be room for the largest.
func (s *Server) takeRoom(ctx context.Context, g *guest, idle func() error) (int64, error) {
	room := min(int64(s.network.Params.MaxBlockBytes), s.cfg.BlockMemory)
	if g.blocks.TryAcquire(1) {
		if s.blocks.free.TryAcquire(room) {
			return room, nil
		}
		g.blocks.Release(1)
	}
	if err := idle(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.FrameTimeout)
	defer cancel()
	if err := g.blocks.Acquire(ctx, 1); err != nil {
		return 0, err
	}
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
