package exchange_test

import (
	"encoding/binary"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
)

// open opens a stream for a hostile client.
func (w *world) open(from host.Host, id protocol.ID) network.Stream {
	w.t.Helper()
	st, err := from.NewStream(w.t.Context(), w.server.ID(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { st.Reset() })
	return st
}

// TestHostileRequests sends a server what no honest client sends.
func TestHostileRequests(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, func(c *exchange.Config) { c.FrameTimeout = 300 * time.Millisecond })
	ids := exchange.ProtocolsOf(n)
	size := func(n uint64) []byte { return []byte{byte(n) | 0x80, byte(n>>7) | 0x80, byte(n >> 14)} }
	for _, tt := range []struct {
		name    string
		id      protocol.ID
		request []byte
	}{
		{"hello too large", ids.Hello, size(1025)},
		{"hello without a genesis", ids.Hello, frame(&wire.Hello{Network: "x"})},
		{"locator too long", ids.Headers, frame(&wire.HeadersRequest{Locator: make([]byte, 129*32)})},
		{"locator not whole", ids.Headers, frame(&wire.HeadersRequest{Locator: make([]byte, 33)})},
		{"headers request too large", ids.Headers, size(1 << 20)},
		{"too many blocks", ids.Blocks, frame(&wire.BlocksRequest{Hashes: make([]byte, 129*32)})},
		{"range too long", ids.Blocks, frame(&wire.BlocksRequest{Count: 129})},
		{"range over the end", ids.Blocks, frame(&wire.BlocksRequest{From: 1<<64 - 1, Count: 2})},
		{"hashes and a range", ids.Blocks, frame(&wire.BlocksRequest{Hashes: make([]byte, 32), Count: 1})},
		{"too many ids", ids.Messages, frame(&wire.MessagesRequest{Ids: make([]byte, 1025*32)})},
		{"mempool request too large", ids.Mempool, size(65)},
		{"sketch of an odd size", ids.Sketch, frame(&wire.SketchRequest{Cells: 129})},
		{"sketch too small", ids.Sketch, frame(&wire.SketchRequest{Cells: 64})},
		{"sketch too large", ids.Sketch, frame(&wire.SketchRequest{Cells: 32768})},
		{"offer too long", ids.Offer, frame(&wire.OfferRequest{Ids: make([]byte, 257*32)})},
		{"offer not whole", ids.Offer, frame(&wire.OfferRequest{Ids: make([]byte, 33)})},
		{"vote too large", ids.Vote, size(core.MaxMessageSize + 65)},
		{"garbage", ids.Headers, []byte{3, 0xff, 0xff, 0xff}},
	} {
		st := w.open(w.asker, tt.id)
		st.Write(tt.request)
		if _, err := io.ReadAll(st); err == nil {
			t.Errorf("%s: was answered", tt.name)
		}
		if err := <-w.peers.punished; !errors.Is(err, exchange.ErrProtocol) {
			t.Errorf("%s: punished for %v", tt.name, err)
		}
	}
}

// TestSlowRequests opens streams that bring no request, or bring it byte by byte: they end by
// themselves, and their peer is let go, but not as one that broke a rule. On a slow line the stream ends,
// and that is all.
func TestSlowRequests(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, func(c *exchange.Config) { c.FrameTimeout = 300 * time.Millisecond })
	silent := w.open(w.asker, exchange.ProtocolsOf(n).Headers)
	silent.Write([]byte{40})
	if _, err := io.ReadAll(silent); err == nil {
		t.Error("silence was answered")
	}
	if err := drip(w.open(w.asker, exchange.ProtocolsOf(n).Headers)); err == nil {
		t.Error("a slow drip did not end")
	}
	for range 2 {
		if err := <-w.peers.punished; !errors.Is(err, exchange.ErrStalled) || consensus.ClassOf(err) != consensus.Undecided {
			t.Errorf("punished for %v", err)
		}
	}
	slow := w.open(w.asker, exchange.ProtocolsOf(n).Messages)
	slow.Write(append(binary.AppendUvarint(nil, 32000), make([]byte, 5000)...))
	if _, err := io.ReadAll(slow); err == nil {
		t.Error("a request that is not there was answered")
	}
	select {
	case err := <-w.peers.punished:
		t.Errorf("punished for a slow line: %v", err)
	default:
	}
}

// A crowded chain takes long for headers and counts who waits for them at a time.
type crowded struct {
	exchange.Chain
	now, most, served atomic.Int64
}

func (c *crowded) HeadersAfter(locator []core.Hash, limit int) ([]core.Header, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	time.Sleep(20 * time.Millisecond)
	c.served.Add(1)
	return c.Chain.HeadersAfter(locator, limit)
}

// TestHeadersAtOnce has three peers ask for headers on four streams each: two requests are served at a
// time, and all are in the end.
func TestHeadersAtOnce(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, nil)
	c := &crowded{Chain: w.chain}
	w.serveInstead(c)
	for range 3 {
		asker := newHost(t, loopback)
		join(t, asker, w.server)
		for range 4 {
			st := w.open(asker, exchange.ProtocolsOf(n).Headers)
			st.Write(frame(&wire.HeadersRequest{Limit: exchange.MaxHeaders}))
			st.CloseWrite()
		}
	}
	eventually(t, "all are served", func() bool { return c.served.Load() == 12 })
	if got := c.most.Load(); got != 2 {
		t.Errorf("%d at a time, want 2", got)
	}
}

// TestSlowReader reads a block so slowly that it would hold all the memory for long. Another peer gets
// its block as if there were none.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	n := coretest.Network(t, func(p *core.Params) { p.MaxPayloadBytes = core.MaxPayload })
	large := largeBlock(t, n, 60) // 3.5 MiB
	w := newWorld(t, n, loopback, nil, func(c *exchange.Config) {
		c.FrameTimeout, c.BlockMemory = 5*time.Second, int64(n.Params.MaxBlockBytes)
	})
	c := &counted{Chain: w.chain, block: large}
	w.serveInstead(c)
	slow := w.askBlocks(w.asker)
	done := make(chan struct{})
	go func() { // 64 KiB/s: no frame is late
		defer close(done)
		for err := error(nil); err == nil; time.Sleep(50 * time.Millisecond) {
			_, err = io.CopyN(io.Discard, slow, 3200)
		}
	}()
	eventually(t, "a block is read", func() bool { return c.reads.Load() == 1 })
	other := newHost(t, loopback)
	join(t, other, w.server)
	if _, err := io.CopyN(io.Discard, w.askBlocks(other), 8<<20); err != nil {
		t.Fatalf("a peer that reads fast: %v", err)
	}
	<-done
	if openStreams(w.server, w.asker, exchange.ProtocolsOf(n).Blocks) > 0 {
		t.Error("the stream of the slow reader goes on")
	}
}

// A counted chain has one large block under every hash, and counts how many it has handed out that
// are still being sent.
type counted struct {
	exchange.Chain
	block *core.Block
	reads atomic.Int64
}

func (c *counted) Raw(core.Hash) (*core.RawBlock, error) {
	c.reads.Add(1)
	return c.block.Raw(), nil
}

// TestNeverReading asks for blocks and reads nothing of them. What the server holds for such peers is
// bounded: by two blocks for one peer, and by BlockMemory for all. After the deadline of a frame the
// room is free again.
func TestNeverReading(t *testing.T) {
	const roomForLargest, more = 8 << 20, 4 << 20
	t.Run("bound of a peer", func(t *testing.T) { testNeverReading(t, roomForLargest+more, 2) })
	t.Run("bound of all", func(t *testing.T) { testNeverReading(t, roomForLargest, 1) })
}

func testNeverReading(t *testing.T, memory int64, want int64) {
	t.Parallel()
	n := coretest.Network(t, func(p *core.Params) { p.MaxPayloadBytes = core.MaxPayload })
	large := largeBlock(t, n, 20) // 1.2 MiB, more than what a stream takes in before anybody reads
	w := newWorld(t, n, loopback, nil, func(c *exchange.Config) {
		c.FrameTimeout, c.BlockMemory = time.Second, memory
	})
	c := &counted{Chain: w.chain, block: large}
	w.serveInstead(c)

	const streams = 3
	for range streams {
		w.askBlocks(w.asker)
	}
	eventually(t, "a block is read", func() bool { return c.reads.Load() >= want })
	time.Sleep(200 * time.Millisecond) // much less than FrameTimeout: what is to be read now, is by then
	if got := c.reads.Load(); got != want {
		t.Errorf("%d blocks held for a peer that reads nothing, want %d", got, want)
	}
	eventually(t, "the streams of a peer that reads nothing end", func() bool {
		return openStreams(w.server, w.asker, exchange.ProtocolsOf(n).Blocks) == 0
	})
	if got := c.reads.Load(); got > streams { // fewer, where a request gave up waiting
		t.Errorf("%d blocks read on %d streams that nobody reads", got, streams)
	}
	other := newHost(t, loopback)
	join(t, other, w.server)
	st := w.askBlocks(other)
	if _, err := io.CopyN(io.Discard, st, 10<<20); err != nil {
		t.Errorf("a peer that reads, later: %v", err)
	}
	st.Reset()
	w.stop()
	<-w.running
	var reserved int64
	for _, c := range w.server.Network().Conns() {
		for _, s := range c.GetStreams() {
			reserved += s.Scope().Stat().Memory
		}
	}
	if reserved > 0 {
		t.Errorf("%d bytes are still reserved", reserved)
	}
}

// largeBlock returns a block of so many messages of the largest size.
func largeBlock(t *testing.T, n *core.Network, count int) *core.Block {
	var msgs []*core.Message
	for range count {
		msgs = append(msgs, coretest.Message(t, n, coretest.Key(0), string(make([]byte, core.MaxPayload))))
	}
	b := &core.Block{Header: n.Header, Messages: msgs}
	b.Header.MessageCount = uint32(len(msgs))
	return b
}

// askBlocks opens a stream and asks for all the blocks that one request may name.
func (w *world) askBlocks(from host.Host) network.Stream {
	st := w.open(from, exchange.ProtocolsOf(w.n).Blocks)
	st.Write(frame(&wire.BlocksRequest{Hashes: make([]byte, exchange.MaxBlocks*core.HashSize)}))
	st.CloseWrite()
	return st
}

// eventually waits for what the other goroutines will bring about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// openStreams counts the server's streams of a protocol with a peer.
func openStreams(server, from host.Host, id protocol.ID) (open int) {
	for _, c := range server.Network().ConnsToPeer(from.ID()) {
		for _, s := range c.GetStreams() {
			if s.Protocol() == id {
				open++
			}
		}
	}
	return open
}
