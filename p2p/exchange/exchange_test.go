package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// TestOverEveryTransport asks everything once over each transport.
func TestOverEveryTransport(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 12, 3)
	for name, addr := range map[string]string{
		"tcp":  "/ip4/127.0.0.1/tcp/0",
		"quic": "/ip4/127.0.0.1/udp/0/quic-v1",
		"ws":   "/ip4/127.0.0.1/tcp/0/ws",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, n, addr, blocks, nil)
			if got := w.asker.Network().ConnsToPeer(w.server.ID())[0].RemoteMultiaddr().String(); !strings.Contains(addr, "/ws") == strings.Contains(got, "/ws") {
				t.Errorf("connected by %s", got)
			}
			t.Run("hello", w.testHello)
			t.Run("headers", func(t *testing.T) { w.testHeaders(t, blocks) })
			t.Run("blocks", func(t *testing.T) { w.testBlocks(t, blocks) })
			t.Run("messages", w.testMessages)
			t.Run("vote", w.testVote)
			if len(w.peers.punished) > 0 {
				t.Errorf("punished: %v", <-w.peers.punished)
			}
		})
	}
}

func (w *world) testHello(t *testing.T) {
	own := exchange.Hello{Genesis: core.Hash{9}, Network: "other", Agent: "asker/2", Tip: core.Hash{8}, Height: 7,
		Work: core.NewWork(6, 5), LowestFull: 4, ClockMS: 3}
	got, took, err := w.client.Hello(t.Context(), w.server.ID(), own)
	if err != nil || got != w.peers.self || took <= 0 {
		t.Fatalf("Hello = %+v, %v, %v", got, took, err)
	}
	if name := own.NetworkName(); name != "other (0900000000000000)" {
		t.Errorf("NetworkName = %q", name)
	}
	// The answer comes before Greeted is called; the next one, after.
	if _, _, err := w.client.Hello(t.Context(), w.server.ID(), own); err != nil {
		t.Fatal(err)
	}
	w.peers.mu.Lock()
	defer w.peers.mu.Unlock()
	if w.peers.greeted[w.asker.ID()] != own {
		t.Errorf("greeted with %+v, want %+v", w.peers.greeted[w.asker.ID()], own)
	}
}

func (w *world) testHeaders(t *testing.T, blocks []*core.Block) {
	for _, tt := range []struct {
		name    string
		locator []core.Hash
		limit   int
		want    []*core.Block
	}{
		{"from genesis", []core.Hash{w.n.Genesis}, 5, blocks[:5]},
		{"from the middle", []core.Hash{{1}, blocks[6].Header.Hash(), w.n.Genesis}, exchange.MaxHeaders, blocks[7:]},
		{"nothing in common but genesis", []core.Hash{{1}}, 2, blocks[:2]},
		{"at the tip", []core.Hash{blocks[11].Header.Hash()}, 10, nil},
		{"none wanted", []core.Hash{w.n.Genesis}, 0, nil},
	} {
		got, err := w.client.Headers(t.Context(), w.server.ID(), tt.locator, tt.limit)
		if err != nil || !slices.Equal(got, coretest.Headers(tt.want)) {
			t.Errorf("%s: %d headers, %v, want %d", tt.name, len(got), err, len(tt.want))
		}
	}
}

func (w *world) testBlocks(t *testing.T, blocks []*core.Block) {
	hashes := hashesOf(blocks)
	asked := []core.Hash{hashes[3], {1, 2, 3}, hashes[9], hashes[1], w.n.Genesis}
	got, err := w.blocks(asked)
	want := []*core.Block{blocks[3], blocks[9], blocks[1], w.n.GenesisBlock()}
	if err != nil || !equalBlocks(got, want) {
		t.Errorf("Blocks = %d blocks, %v", len(got), err)
	}
	var ranged []*core.Block
	err = w.client.BlockRange(t.Context(), w.server.ID(), 8, 100, func(b *core.Block) error {
		ranged = append(ranged, b)
		return nil
	})
	if err != nil || !equalBlocks(ranged, blocks[7:]) {
		t.Errorf("BlockRange = %d blocks, %v", len(ranged), err)
	}
	calls := 0
	err = w.client.Blocks(t.Context(), w.server.ID(), hashes, func(int) {}, func(*core.Block) error { calls++; return errTest })
	if !errors.Is(err, errTest) || calls != 1 || consensus.ClassOf(err) != consensus.Fault {
		t.Errorf("after %d calls: %v, want the error of the first one", calls, err)
	}
}

func (w *world) testMessages(t *testing.T) {
	var ids []core.Hash
	for _, prefix := range []string{"a", "b"} {
		msgs := coretest.Messages(t, w.n, "wait/"+prefix, 40)
		w.pool.add(msgs...)
		for _, m := range msgs {
			ids = append(ids, m.ID)
		}
	}
	var listed []core.Hash
	for after := uint64(0); ; {
		page, end, err := w.client.Mempool(t.Context(), w.server.ID(), after, 33)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		listed, after = append(listed, page...), end
	}
	if !slices.Equal(listed, ids) {
		t.Errorf("%d ids listed, want %d", len(listed), len(ids))
	}
	asked := []core.Hash{ids[5], {7}, ids[70], ids[0]}
	got, err := w.client.Messages(t.Context(), w.server.ID(), asked)
	if err != nil || len(got) != 3 {
		t.Fatalf("Messages = %d, %v, want the 3 that wait", len(got), err)
	}
	for i, id := range []core.Hash{ids[5], ids[70], ids[0]} {
		if got[i].ID != id || got[i].CheckBody() != nil || got[i].Body == nil {
			t.Errorf("message %d is %v", i, got[i].ID)
		}
	}
}

func (w *world) testVote(t *testing.T) {
	good := coretest.Message(t, w.n, coretest.Key(1), "vote")
	forged := *good
	forged.Signature[5] ^= 1
	bare := *good
	bare.Body = nil
	foreign := coretest.Message(t, coretest.Network(t, func(p *core.Params) { p.Name = "other" }), coretest.Key(1), "vote")
	for _, tt := range []struct {
		name   string
		m      *core.Message
		yes    bool
		reason string
	}{
		{"valid", good, true, ""},
		{"forged", &forged, false, consensus.ErrSignature.Error()},
		{"without its body", &bare, false, consensus.ErrBodyMissing.Error()},
		{"of another network", foreign, false, consensus.ErrSignature.Error()},
	} {
		yes, reason, err := w.client.Vote(t.Context(), w.server.ID(), tt.m)
		if err != nil || yes != tt.yes || !strings.Contains(reason, tt.reason) {
			t.Errorf("%s: %v, %q, %v", tt.name, yes, reason, err)
		}
	}
}

// TestLargeBlock moves blocks that take many frames.
func TestLargeBlock(t *testing.T) {
	n := coretest.Network(t)
	var msgs []*core.Message
	for i := range 200 {
		msgs = append(msgs, coretest.Message(t, n, coretest.Key(i), strings.Repeat("x", 10000)+string(rune('A'+i))))
	}
	f := coretest.NewForks(t, n)
	large := f.Next("genesis", "large", msgs...)
	small := f.Next("large", "small", msgs2(t, n)...)
	w := newWorld(t, n, loopback, []*core.Block{large, small}, nil)
	got, err := w.blocks(hashesOf([]*core.Block{large, small}))
	if err != nil || !equalBlocks(got, []*core.Block{large, small}) {
		t.Fatalf("%d blocks, %v", len(got), err)
	}
}

func msgs2(t *testing.T, n *core.Network) []*core.Message { return coretest.Messages(t, n, "small", 2) }

// TestErasedBodies moves a block some of whose bodies were dropped.
func TestErasedBodies(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Chain(t, n, coretest.Genesis(n), 1, 3)[0]
	bare := coretest.WithoutBodies(b)
	bare.Messages[1] = b.Messages[1]
	w := newWorld(t, n, loopback, nil, nil)
	w.serveInstead(oneBlock{w.chain, bare})
	got, err := w.blocks([]core.Hash{b.Header.Hash()})
	if err != nil || !equalBlocks(got, []*core.Block{bare}) {
		t.Fatalf("%d blocks, %v", len(got), err)
	}
}

// A oneBlock is a chain that has one block besides.
type oneBlock struct {
	exchange.Chain
	block *core.Block
}

func (c oneBlock) Raw(core.Hash) (*core.RawBlock, error) { return c.block.Raw(), nil }

// TestOurContext says that the end of our own context is no fault of the peer, and shows.
func TestOurContext(t *testing.T) {
	n := coretest.Network(t)
	w := newWorld(t, n, loopback, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.client.Headers(ctx, w.server.ID(), []core.Hash{n.Genesis}, 10)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, exchange.ErrTransport) {
		t.Errorf("ended context: %v", err)
	}
	w.asker.Network().ClosePeer(w.server.ID())
	_, err = w.client.Headers(t.Context(), w.server.ID(), []core.Hash{n.Genesis}, 10)
	if !errors.Is(err, exchange.ErrTransport) || consensus.ClassOf(err) != consensus.Undecided {
		t.Errorf("peer that is not connected: %v", err)
	}
}

func equalBlocks(a, b []*core.Block) bool {
	return slices.EqualFunc(a, b, func(a, b *core.Block) bool {
		return a.Header == b.Header && slices.EqualFunc(a.Messages, b.Messages, func(a, b *core.Message) bool {
			return bytes.Equal(a.Bytes(), b.Bytes())
		})
	})
}

// Messages of blocks are given away by their ids, too, as long as their bodies are here.
func TestMessagesOfBlocks(t *testing.T) {
	n := coretest.Network(t)
	blocks := coretest.Chain(t, n, coretest.Genesis(n), 10, 2)
	blocks[1] = coretest.WithoutBodies(blocks[1])
	w := newWorld(t, n, loopback, blocks, nil)
	whole, bare := blocks[0].Messages[1], blocks[1].Messages[0]
	got, err := w.client.Messages(t.Context(), w.server.ID(), []core.Hash{bare.ID, whole.ID, {7}})
	if err != nil || len(got) != 1 {
		t.Fatalf("Messages = %d, %v, want the one that has its body", len(got), err)
	}
	if m := got[0]; m.ID != whole.ID || m.Body == nil || m.CheckBody() != nil || m.Signature != whole.Signature {
		t.Errorf("message %+v, want %+v", m, whole)
	}
}
