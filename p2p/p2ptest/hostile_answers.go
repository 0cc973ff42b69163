package p2ptest

import (
	"context"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
)

// questionTime is how long a node waits for an answer; see docs/protocol.md.
const questionTime = 10 * time.Second

// Silent takes every question and answers none, not even hello. Its fault is the end of the time for
// the first one.
func Silent(g Guise) *Hostile {
	h := newHostile("silent", g)
	ids := exchange.ProtocolsOf(g.Network)
	h.serves[ids.Hello] = func(ctx context.Context, s network.Stream) {
		if pause(ctx, questionTime) {
			h.offends()
		}
		<-ctx.Done()
	}
	return h
}

// dripEvery is the time between two bytes of a slow drip.
const dripEvery = 500 * time.Millisecond

// SlowDrip says hello and that it has blocks, and gives headers and blocks byte by byte. Its fault is
// the first frame that is not complete when its time is over.
func SlowDrip(g Guise) *Hostile {
	h := newHostile("slow drip", g)
	ids := exchange.ProtocolsOf(g.Network)
	drip := func(ctx context.Context, s network.Stream) {
		io.Copy(io.Discard, s)
		begin := time.Now()
		for next := binary.AppendUvarint(nil, 300_000); ; next = []byte{0} {
			if time.Since(begin) >= questionTime {
				h.offends()
			}
			if _, err := s.Write(next); err != nil || !pause(ctx, dripEvery) {
				return
			}
		}
	}
	h.serves[ids.Headers], h.serves[ids.Blocks] = drip, drip
	return h
}

// HeightLiar claims a chain that is far longer than the one it has. Its fault is the first answer
// that shows less.
func HeightLiar(g Guise) *Hostile {
	h := newHostile("liar about height", g)
	h.hello = func(hello *exchange.Hello) {
		hello.Tip, hello.Height, hello.Work = core.Hash{1}, math.MaxUint32, core.NewWork(1, 0)
	}
	h.countHeaders()
	return h
}

// HeaderSpam shows a branch of headers that have too little work to be of use, and claims that it has
// more. Its fault is the end of the branch.
func HeaderSpam(g Guise, branch []core.Header) *Hostile {
	h := newHostile("header spam", g)
	h.shelf = newShelf(g.Network, nil)
	for i := range branch {
		h.shelf.add(branch[i])
	}
	h.hello = func(hello *exchange.Hello) { hello.Work = core.NewWork(1, 0) }
	h.countHeaders()
	return h
}

// countHeaders serves headers as always, and takes an answer that reaches the end of the chain for a
// fault.
func (h *Hostile) countHeaders() {
	ids := exchange.ProtocolsOf(h.Network)
	h.serves[ids.Headers] = func(_ context.Context, s network.Stream) {
		var request wire.HeadersRequest
		if readRequest(s, &request) != nil {
			return
		}
		var locator []core.Hash
		for hash := range slices.Chunk(request.Locator, core.HashSize) {
			locator = append(locator, core.Hash(hash))
		}
		headers, _ := h.shelf.HeadersAfter(locator, int(request.Limit))
		reply := &wire.HeadersReply{Headers: make([]byte, 0, len(headers)*core.HeaderSize)}
		for i := range headers {
			b := headers[i].Encode()
			reply.Headers = append(reply.Headers, b[:]...)
		}
		if writeFrame(s, reply) == nil && len(headers) < int(request.Limit) {
			h.offends()
		}
	}
}

// NoBodies shows the headers of a valid branch, and has none of its blocks. Its fault is the first
// answer without the block that was asked for.
func NoBodies(g Guise) *Hostile {
	h := newHostile("headers without bodies", g)
	clear(h.shelf.blocks)
	ids := exchange.ProtocolsOf(g.Network)
	h.serves[ids.Blocks] = func(_ context.Context, s network.Stream) {
		io.Copy(io.Discard, s)
		h.offends()
	}
	return h
}

// WithheldBodies shows the headers of a valid branch, and lets everybody wait for its blocks. Its fault
// is the end of the time for the first such question.
func WithheldBodies(g Guise) *Hostile {
	h := newHostile("headers with withheld bodies", g)
	ids := exchange.ProtocolsOf(g.Network)
	h.serves[ids.Blocks] = func(ctx context.Context, s network.Stream) {
		io.Copy(io.Discard, s)
		if pause(ctx, questionTime) {
			h.offends()
		}
		<-ctx.Done()
	}
	return h
}

// MutatedBodies gives blocks with one byte of a message changed. Its fault is the first of them.
func MutatedBodies(g Guise) *Hostile {
	h := newHostile("mutated bodies", g)
	for hash, b := range h.shelf.blocks {
		changed := *b.Messages[0]
		body := *changed.Body
		body.Payload = append(slices.Clone(body.Payload[1:]), ^body.Payload[0])
		changed.Body = &body
		h.shelf.blocks[hash] = &core.Block{Header: b.Header, Messages: append([]*core.Message{&changed}, b.Messages[1:]...)}
	}
	ids := exchange.ProtocolsOf(g.Network)
	h.serves[ids.Blocks] = func(_ context.Context, s network.Stream) {
		var request wire.BlocksRequest
		if readRequest(s, &request) != nil {
			return
		}
		for hash := range slices.Chunk(request.Hashes, core.HashSize) {
			b, err := h.shelf.Block(core.Hash(hash))
			if err == chain.ErrNotFound || writeFrame(s, partOf(b)) != nil {
				break
			}
			h.offends()
		}
	}
	return h
}

func partOf(b *core.Block) *wire.Part {
	header := b.Header.Encode()
	part := &wire.Part{Header: header[:]}
	for _, m := range b.Messages {
		part.Messages = append(part.Messages, m.Bytes())
	}
	return part
}

// NeverReading waits until the victim has these blocks, asks for all of them, over and over, and reads
// nothing of the answers. They must be more than fit into the window of a stream. Its fault is the end
// of the time in which a node must take something of an answer.
func NeverReading(g Guise, has []core.Hash) *Hostile {
	h := newHostile("never reading", g)
	ids := exchange.ProtocolsOf(g.Network)
	h.attack = func(ctx context.Context, victim peer.ID) {
		for h.heightOf(ctx, victim) < uint64(len(has)) && pause(ctx, time.Second) {
		}
		for ctx.Err() == nil {
			for hashes := range slices.Chunk(has, exchange.MaxBlocks) {
				s, err := h.Host.NewStream(ctx, victim, ids.Blocks)
				if err != nil {
					return
				}
				request := &wire.BlocksRequest{}
				for _, hash := range hashes {
					request.Hashes = append(request.Hashes, hash[:]...)
				}
				writeFrame(s, request)
				s.CloseWrite()
				context.AfterFunc(ctx, func() { s.Reset() })
			}
			if pause(ctx, questionTime) {
				h.offends()
			}
		}
	}
	return h
}

// heightOf asks a peer by hello for its height; 0 where it does not say.
func (h *Hostile) heightOf(ctx context.Context, p peer.ID) uint64 {
	client, err := exchange.NewClient(h.Host, h.Network, exchange.DefaultConfig())
	if err != nil {
		return 0
	}
	hello, _, err := client.Hello(ctx, p, h.Self())
	if err != nil {
		return 0
	}
	return hello.Height
}

// maxRequest is the size of the largest request that a hostile peer reads.
const maxRequest = 1 << 16

func readRequest(s network.Stream, m proto.Message) error {
	b, err := io.ReadAll(io.LimitReader(s, maxRequest))
	if err != nil {
		return err
	}
	size, n := binary.Uvarint(b)
	if n <= 0 || size != uint64(len(b)-n) {
		return io.ErrUnexpectedEOF
	}
	return proto.Unmarshal(b[n:], m)
}

func writeFrame(s network.Stream, m proto.Message) error {
	b, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	s.SetWriteDeadline(time.Now().Add(questionTime))
	_, err = s.Write(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
	return err
}
