package exchange_test

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
)

// frame returns m as a frame.
func frame(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

// part returns a frame of a wire.Part.
func part(h *core.Header, msgs ...*core.Message) []byte {
	var p wire.Part
	if h != nil {
		b := h.Encode()
		p.Header = b[:]
	}
	for _, m := range msgs {
		p.Messages = append(p.Messages, m.Bytes())
	}
	return frame(&p)
}

// headersOf returns a frame of headers.
func headersOf(headers ...core.Header) []byte {
	var r wire.HeadersReply
	for i := range headers {
		b := headers[i].Encode()
		r.Headers = append(r.Headers, b[:]...)
	}
	return frame(&r)
}

// A victim asks a peer whose answer is a script.
type victim struct {
	t      *testing.T
	n      *core.Network
	world  *world
	blocks []*core.Block
	loose  *core.Message
}

// TestHostileAnswers gives a client the answers that no honest node gives, and broken lines.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 4, 2)
	v := &victim{t: t, n: n, blocks: blocks, loose: coretest.Message(t, n, coretest.Key(2), "loose")}
	v.world = newWorld(t, n, loopback, nil, func(c *exchange.Config) { c.FrameTimeout = 300 * time.Millisecond })
	v.world.stop()
	<-v.world.running
	ids := exchange.ProtocolsOf(n)
	t.Run("headers", func(t *testing.T) { v.try(ids.Headers, v.askHeaders, v.headerScripts()) })
	t.Run("blocks", func(t *testing.T) { v.try(ids.Blocks, v.askBlocks, v.blockScripts()) })
	t.Run("range", func(t *testing.T) { v.try(ids.Blocks, v.askRange, v.rangeScripts()) })
	t.Run("messages", func(t *testing.T) { v.try(ids.Messages, v.askMessages, v.messageScripts()) })
	t.Run("mempool", func(t *testing.T) { v.try(ids.Mempool, v.askMempool, v.mempoolScripts()) })
	t.Run("sketch", func(t *testing.T) { v.try(ids.Sketch, v.askSketch, v.sketchScripts()) })
	t.Run("offer", func(t *testing.T) { v.try(ids.Offer, v.askOffer, v.offerScripts()) })
	t.Run("hello", func(t *testing.T) { v.try(ids.Hello, v.askHello, v.helloScripts()) })
	t.Run("vote", func(t *testing.T) { v.try(ids.Vote, v.askVote, v.voteScripts()) })
}

func (v *victim) askHeaders() error {
	_, err := v.world.client.Headers(v.t.Context(), v.world.server.ID(), []core.Hash{v.n.Genesis}, 3)
	return err
}

func (v *victim) askBlocks() error {
	_, err := v.world.blocks(hashesOf(v.blocks[:2]))
	return err
}

func (v *victim) askRange() error {
	return v.world.client.BlockRange(v.t.Context(), v.world.server.ID(), 1, 2, func(*core.Block) error { return nil })
}

func (v *victim) askMessages() error {
	_, err := v.world.client.Messages(v.t.Context(), v.world.server.ID(), []core.Hash{v.loose.ID, {1}})
	return err
}

func (v *victim) askMempool() error {
	_, _, err := v.world.client.Mempool(v.t.Context(), v.world.server.ID(), 5, 2)
	return err
}

func (v *victim) askHello() error {
	_, _, err := v.world.client.Hello(v.t.Context(), v.world.server.ID(), v.world.peers.self)
	return err
}

func (v *victim) askVote() error {
	_, _, err := v.world.client.Vote(v.t.Context(), v.world.server.ID(), v.loose)
	return err
}

// A script is what a peer writes as its answer, and what the client must say of it. Nil means that
// the answer is fine.
type script struct {
	name   string
	answer []byte
	want   error
}

// lines are the scripts that fit every protocol.
func lines() []script {
	return []script{
		{"nothing", nil, exchange.ErrTransport},
		{"cut-off size", []byte{0x80}, exchange.ErrTransport},
		{"cut-off frame", []byte{10, 1, 2, 3}, exchange.ErrTransport},
		{"frame of 2 MiB", binary.AppendUvarint(nil, 2<<20), exchange.ErrProtocol},
		{"frame of 2⁶³", binary.AppendUvarint(nil, 1<<63), exchange.ErrProtocol},
		{"size that does not end", []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, exchange.ErrProtocol},
		{"size with a zero too many", []byte{0x80, 0}, exchange.ErrProtocol},
		{"garbage", []byte{5, 0xff, 0xfe, 0xfd, 0xfc, 0xfb}, exchange.ErrProtocol},
	}
}

// try lets the client ask for every script.
func (v *victim) try(id protocol.ID, ask func() error, scripts []script) {
	for _, s := range scripts {
		v.world.server.SetStreamHandler(id, func(st network.Stream) {
			defer st.Close()
			io.Copy(io.Discard, st)
			st.Write(s.answer)
		})
		err := ask()
		if !errors.Is(err, s.want) || (s.want == nil) != (err == nil) {
			v.t.Errorf("%s: %v, want %v", s.name, err, s.want)
		}
		if s.want == exchange.ErrProtocol && consensus.ClassOf(err) != consensus.Broken {
			v.t.Errorf("%s: class %v", s.name, consensus.ClassOf(err))
		}
	}
	v.world.server.SetStreamHandler(id, func(st network.Stream) { // says nothing, and holds on
		io.Copy(io.Discard, st)
		<-v.t.Context().Done()
		st.Reset()
	})
	if err := ask(); !errors.Is(err, exchange.ErrTransport) {
		v.t.Errorf("silence: %v, want ErrTransport", err)
	}
	v.world.server.SetStreamHandler(id, func(st network.Stream) {
		drip(st)
	})
	if err := ask(); !errors.Is(err, exchange.ErrTransport) {
		v.t.Errorf("slow drip: %v, want ErrTransport", err)
	}
	v.world.server.RemoveStreamHandler(id)
	if err := ask(); !errors.Is(err, exchange.ErrTransport) {
		v.t.Errorf("protocol unknown: %v, want ErrTransport", err)
	}
}

// drip sends a frame of 60 bytes, one every 20 ms, until the other side has enough of it. Each byte is
// in time for a deadline that every byte moves; the frame is not.
func drip(st network.Stream) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for b := byte(60); ; b = 0 {
		if _, err := st.Write([]byte{b}); err != nil {
			return err
		}
		<-tick.C
	}
}

func (v *victim) headerScripts() []script {
	h := coretest.Headers(v.blocks)
	skipped := h[1]
	skipped.Height = 9
	return append(lines()[1:],
		script{"fine", headersOf(h[:3]...), nil},
		script{"none", headersOf(), nil},
		script{"too many", headersOf(h...), exchange.ErrProtocol},
		script{"not after the locator", headersOf(h[1]), exchange.ErrProtocol},
		script{"with a gap", headersOf(h[0], h[2]), exchange.ErrProtocol},
		script{"wrong height", headersOf(h[0], skipped), exchange.ErrProtocol},
		script{"not whole", frame(&wire.HeadersReply{Headers: make([]byte, 151)}), exchange.ErrProtocol},
		script{"wrong version", frame(&wire.HeadersReply{Headers: make([]byte, 152)}), exchange.ErrProtocol},
	)
}

func (v *victim) blockScripts() []script {
	b, other := v.blocks[0], v.blocks[2]
	more := b.Header
	more.MessageCount = uint32(v.n.Params.MaxBlockMessages) + 1
	manyEmpty := frame(&wire.Part{Messages: make([][]byte, v.n.Params.MaxBlockMessages+1)})
	join := func(frames ...[]byte) (out []byte) {
		for _, f := range frames {
			out = append(out, f...)
		}
		return out
	}
	return append(lines()[1:],
		script{"fine", join(part(&b.Header, b.Messages...), part(&v.blocks[1].Header, v.blocks[1].Messages...)), nil},
		script{"fine, message by message", join(part(&b.Header, b.Messages[0]), part(nil, b.Messages[1])), nil},
		script{"nothing there", nil, nil},
		script{"not asked for", part(&other.Header, other.Messages...), exchange.ErrProtocol},
		script{"twice", join(part(&b.Header, b.Messages...), part(&b.Header, b.Messages...)), exchange.ErrProtocol},
		script{"in the wrong order", join(part(&v.blocks[1].Header, v.blocks[1].Messages...), part(&b.Header, b.Messages...)), exchange.ErrProtocol},
		script{"no header", part(nil, b.Messages...), exchange.ErrProtocol},
		script{"a second header", join(part(&b.Header, b.Messages[0]), part(&b.Header, b.Messages[1])), exchange.ErrProtocol},
		script{"a message too many", part(&b.Header, b.Messages[0], b.Messages[1], v.loose), exchange.ErrProtocol},
		script{"a message too few", part(&b.Header, b.Messages[0]), exchange.ErrTransport},
		script{"parts of nothing", join(part(&b.Header), part(nil)), exchange.ErrProtocol},
		script{"many empty messages", manyEmpty, exchange.ErrProtocol},
		script{"count over the network's limit", part(&more), exchange.ErrProtocol},
		script{"a malformed message", frame(&wire.Part{Header: bytesOf(&b.Header), Messages: [][]byte{{1}}}), exchange.ErrProtocol},
	)
}

func bytesOf(h *core.Header) []byte {
	b := h.Encode()
	return b[:]
}

func (v *victim) rangeScripts() []script {
	var all []byte
	for _, b := range v.blocks {
		all = append(all, part(&b.Header, b.Messages...)...)
	}
	first, third := v.blocks[0], v.blocks[2]
	jump := append(part(&first.Header, first.Messages...), part(&third.Header, third.Messages...)...)
	alone := coretest.NewForks(v.t, v.n)
	alone.Chain("genesis", "b1", "b2")
	swapped := append(part(&first.Header, first.Messages...), part(&alone.Block("b2").Header, alone.Block("b2").Messages...)...)
	return append(lines()[1:],
		script{"more than asked is not read", all, nil},
		script{"wrong start", part(&third.Header, third.Messages...), exchange.ErrProtocol},
		script{"a jump", jump, exchange.ErrProtocol},
		script{"another branch", swapped, exchange.ErrProtocol},
	)
}

func (v *victim) messageScripts() []script {
	twice := append(part(nil, v.loose), part(nil, v.loose)...)
	return append(lines()[1:],
		script{"fine", part(nil, v.loose), nil},
		script{"nothing there", nil, nil},
		script{"not asked for", part(nil, v.blocks[0].Messages[0]), exchange.ErrProtocol},
		script{"twice", twice, exchange.ErrProtocol},
		script{"too many", part(nil, v.loose, v.loose, v.loose), exchange.ErrProtocol},
		script{"with a header", part(&v.blocks[0].Header, v.loose), exchange.ErrProtocol},
		script{"empty part", part(nil), exchange.ErrProtocol},
	)
}

func (v *victim) mempoolScripts() []script {
	reply := func(ids int, end uint64) []byte { return frame(&wire.MempoolReply{Ids: make([]byte, ids), End: end}) }
	return append(lines(),
		script{"fine", reply(64, 7), nil},
		script{"the end", reply(0, 5), nil},
		script{"too many", reply(96, 9), exchange.ErrProtocol},
		script{"no whole ids", reply(33, 9), exchange.ErrProtocol},
		script{"no way on", reply(32, 5), exchange.ErrProtocol},
		script{"back", reply(32, 1), exchange.ErrProtocol},
	)
}

func (v *victim) helloScripts() []script {
	fine := func() *wire.Hello {
		return &wire.Hello{Genesis: make([]byte, 32), Network: "x", Tip: make([]byte, 32), Work: make([]byte, 16)}
	}
	edit := func(f func(*wire.Hello)) []byte {
		h := fine()
		f(h)
		return frame(h)
	}
	return append(lines(),
		script{"fine", frame(fine()), nil},
		script{"short genesis", edit(func(h *wire.Hello) { h.Genesis = h.Genesis[1:] }), exchange.ErrProtocol},
		script{"long tip", edit(func(h *wire.Hello) { h.Tip = append(h.Tip, 0) }), exchange.ErrProtocol},
		script{"no work", edit(func(h *wire.Hello) { h.Work = nil }), exchange.ErrProtocol},
		script{"no name", edit(func(h *wire.Hello) { h.Network = "" }), exchange.ErrProtocol},
		script{"name with an escape", edit(func(h *wire.Hello) { h.Network = "\x1b[31m" }), exchange.ErrProtocol},
		script{"long agent", edit(func(h *wire.Hello) { h.Agent = strings.Repeat("a", 129) }), exchange.ErrProtocol},
		script{"agent of two lines", edit(func(h *wire.Hello) { h.Agent = "a\nb" }), exchange.ErrProtocol},
		script{"clock after the year 9999", edit(func(h *wire.Hello) { h.ClockMs = core.MaxTimeMS + 1 }), exchange.ErrProtocol},
	)
}

func (v *victim) voteScripts() []script {
	return append(lines(), script{"fine", frame(&wire.VoteReply{Yes: true}), nil})
}
