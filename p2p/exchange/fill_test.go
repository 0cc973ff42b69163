package exchange_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/exchange/wire"
)

func TestFill(t *testing.T) {
	n := coretest.Network(t)
	text := strings.Repeat("x", n.Params.MaxPayloadBytes-10)
	genesis := coretest.Genesis(n)
	large := coretest.Next(t, n, genesis, coretest.Messages(t, n, text, 60)...) // parts of many frames
	many := coretest.Next(t, n, genesis.After(large), coretest.Messages(t, n, "m", 3000)...)
	w := newWorld(t, n, loopback, []*core.Block{large, many}, nil)
	every := func(step int, b *core.Block) (at []int) {
		for i := 0; i < len(b.Messages); i += step {
			at = append(at, i)
		}
		return at
	}
	for _, tt := range []struct {
		name  string
		block *core.Block
		at    []int
	}{
		{"one", many, []int{1234}},
		{"first and last", many, []int{0, 2999}},
		{"every second", many, every(2, many)},
		{"all", many, every(1, many)},
		{"large ones", large, every(1, large)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			msgs, err := w.client.Fill(t.Context(), w.server.ID(), tt.block.Header.Hash(), tt.at)
			if err != nil || len(msgs) != len(tt.at) {
				t.Fatalf("%d messages, %v", len(msgs), err)
			}
			for i, m := range msgs {
				if !bytes.Equal(m.Bytes(), tt.block.Messages[tt.at[i]].Bytes()) {
					t.Errorf("message %d is another one", tt.at[i])
				}
			}
		})
	}
	for _, b := range []*core.Block{large, many} {
		leaves, err := w.client.Leaves(t.Context(), w.server.ID(), &b.Header)
		if err != nil || !slices.Equal(leaves, b.Leaves()) {
			t.Errorf("%d leaves of %d, %v", len(leaves), len(b.Messages), err)
		}
	}
	unknown := coretest.Next(t, n, genesis, coretest.Messages(t, n, "other", 1)...)
	if _, err := w.client.Fill(t.Context(), w.server.ID(), unknown.Header.Hash(), []int{0}); !errors.Is(err, exchange.ErrAbsent) {
		t.Errorf("parts of an unknown block: %v, want ErrAbsent", err)
	}
	if _, err := w.client.Leaves(t.Context(), w.server.ID(), &unknown.Header); !errors.Is(err, exchange.ErrAbsent) {
		t.Errorf("leaves of an unknown block: %v, want ErrAbsent", err)
	}
	if len(w.peers.punished) > 0 {
		t.Errorf("punished for %v", <-w.peers.punished)
	}
}

func TestHostileFillRequests(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 3)...)
	w := newWorld(t, n, loopback, []*core.Block{b}, func(c *exchange.Config) { c.FrameTimeout = 300 * time.Millisecond })
	ids, hash := exchange.ProtocolsOf(n), b.Header.Hash()
	fill := func(at ...uint32) []byte { return frame(&wire.FillRequest{Block: hash[:], Positions: at}) }
	many := make([]uint32, exchange.MaxPositions+1)
	for i := range many {
		many[i] = uint32(i)
	}
	for _, tt := range []struct {
		name    string
		id      protocol.ID
		request []byte
	}{
		{"no positions", ids.Fill, fill()},
		{"twice the same", ids.Fill, fill(1, 1)},
		{"descending", ids.Fill, fill(2, 1)},
		{"over the end", ids.Fill, fill(0, 3)},
		{"far over the end", ids.Fill, fill(1<<32 - 1)},
		{"too many", ids.Fill, fill(many...)},
		{"no block", ids.Fill, frame(&wire.FillRequest{Positions: []uint32{1}})},
		{"half a hash", ids.Leaves, frame(&wire.LeavesRequest{Block: hash[:16]})},
		{"leaves request too large", ids.Leaves, frame(&wire.LeavesRequest{Block: make([]byte, 100)})},
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

func TestHostileFillAnswers(t *testing.T) {
	n := coretest.Network(t, func(p *core.Params) { p.MaxBlockBytes = 65536 })
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 2, 3)
	v := &victim{t: t, n: n, blocks: blocks}
	v.world = newWorld(t, n, loopback, nil, func(c *exchange.Config) { c.FrameTimeout = 300 * time.Millisecond })
	v.world.stop()
	<-v.world.running
	ids, b := exchange.ProtocolsOf(n), blocks[0]
	text := strings.Repeat("x", n.Params.MaxPayloadBytes-10)
	huge := coretest.Messages(t, n, text, 5)
	askFill := func(at ...int) func() error {
		return func() error {
			_, err := v.world.client.Fill(t.Context(), v.world.server.ID(), b.Header.Hash(), at)
			return err
		}
	}
	v.try(ids.Fill, askFill(0, 2), append(lines()[1:],
		script{"fine", part(nil, b.Messages[0], b.Messages[2]), nil},
		script{"fine, in two parts", append(part(nil, b.Messages[0]), part(nil, b.Messages[2])...), nil},
		script{"nothing there", nil, exchange.ErrAbsent},
		script{"one less", part(nil, b.Messages[0]), exchange.ErrTransport},
		script{"one more", part(nil, b.Messages...), exchange.ErrProtocol},
		script{"with a header", part(&b.Header, b.Messages[0], b.Messages[2]), exchange.ErrProtocol},
		script{"empty part", part(nil), exchange.ErrProtocol},
		script{"a malformed message", frame(&wire.Part{Messages: [][]byte{{1}, {2}}}), exchange.ErrProtocol},
	))
	v.try(ids.Fill, askFill(0, 1, 2, 3, 4), []script{{"more than a block", part(nil, huge...), exchange.ErrProtocol}})

	leaves := func(all []core.Leaf) []byte {
		var out []byte
		for i := range all {
			leaf := all[i].Bytes()
			out = append(out, leaf[:]...)
		}
		return frame(&wire.LeavesReply{Leaves: out})
	}
	good := b.Leaves()
	swapped := []core.Leaf{good[1], good[0], good[2]}
	askLeaves := func() error {
		_, err := v.world.client.Leaves(t.Context(), v.world.server.ID(), &b.Header)
		return err
	}
	v.try(ids.Leaves, askLeaves, append(lines()[1:],
		script{"fine", leaves(good), nil},
		script{"fine, one by one", slices.Concat(leaves(good[:1]), leaves(good[1:2]), leaves(good[2:])), nil},
		script{"nothing there", nil, exchange.ErrAbsent},
		script{"one less", leaves(good[:2]), exchange.ErrTransport},
		script{"one more", leaves(append(good[:3:3], good[0])), exchange.ErrProtocol},
		script{"another order", leaves(swapped), exchange.ErrProtocol},
		script{"of another block", leaves(blocks[1].Leaves()), exchange.ErrProtocol},
		script{"not whole", frame(&wire.LeavesReply{Leaves: make([]byte, 95)}), exchange.ErrProtocol},
		script{"a frame of none", leaves(nil), exchange.ErrProtocol},
	))
}
