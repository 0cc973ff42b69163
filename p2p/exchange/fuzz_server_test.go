package exchange

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"google.golang.org/protobuf/proto"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange/wire"
)

// A tape is a stream whose other end wrote all it has to say before, and then reads everything.
type tape struct {
	network.Stream
	in  io.Reader
	out bytes.Buffer
}

func (t *tape) Read(b []byte) (int, error)       { return t.in.Read(b) }
func (t *tape) Write(b []byte) (int, error)      { return t.out.Write(b) }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }
func (t *tape) Scope() network.StreamScope       { return &network.NullScope{} }

// A fixture is all that a server asks.
type fixture struct{ messages []*core.Message }

func (f fixture) Self() Hello            { return Hello{Network: "x"} }
func (f fixture) Greeted(peer.ID, Hello) {}
func (f fixture) Punish(peer.ID, error)  {}
func (f fixture) Offered(context.Context, peer.ID, []core.Hash) (int, error) {
	return 0, nil
}

func (f fixture) Message(id core.Hash) (*core.Message, error) {
	for _, m := range f.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return nil, chain.ErrNotFound
}

func (f fixture) List(after uint64, limit int) ([]mempool.Waiting, error) {
	if limit < 1 || after > 0 {
		return nil, nil
	}
	return []mempool.Waiting{{Seq: 1, ID: f.messages[0].ID}}, nil
}

// FuzzRequest gives any bytes as a request to the server of each protocol. What it answers is made
// of frames within their limit, and what it refuses is the asking side's fault.
func FuzzRequest(f *testing.F) {
	n := coretest.Network(f)
	blocks := coretest.Chain(f, n, coretest.Genesis(n), 3, 2)
	c, err := chain.Open(n, coretest.NewMemStore(n), chain.DefaultConfig())
	if err != nil {
		f.Fatal(err)
	}
	if _, err := c.AddBlocks(blocks); err != nil {
		f.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	has := fixture{coretest.Messages(f, n, "waiting", 2)}
	s, err := NewServer(nil, n, c, has, has, cfg)
	if err != nil {
		f.Fatal(err)
	}
	tip := c.Tip().Hash
	for i, m := range []proto.Message{
		(&Hello{Genesis: n.Genesis, Network: "x"}).encode(),
		&wire.HeadersRequest{Locator: n.Genesis[:], Limit: 5},
		&wire.BlocksRequest{Hashes: tip[:]},
		&wire.MessagesRequest{Ids: has.messages[1].ID[:]},
		&wire.MempoolRequest{Limit: 7},
		&wire.SketchRequest{Cells: 128},
		&wire.OfferRequest{Ids: has.messages[1].ID[:]},
		&wire.VoteRequest{Message: has.messages[0].Bytes()},
		&wire.FillRequest{Block: tip[:], Positions: []uint32{0, 1}},
		&wire.LeavesRequest{Block: tip[:]},
		&wire.BlocksRequest{From: 1, Count: 9},
	} {
		var b tape
		if err := (&pipe{stream: &b}).write(m); err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i%len(s.handlers)), b.out.Bytes())
	}
	f.Fuzz(func(t *testing.T, which uint8, request []byte) {
		h := s.handlers[int(which)%len(s.handlers)]
		st := &tape{in: bytes.NewReader(request)}
		p, err := newPipe(st, h.limit, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		err = h.serve(t.Context(), &call{pipe: p, peer: "a", guest: newGuests().enter("a", time.Now())})
		if err != nil && !errors.Is(err, ErrProtocol) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%s: %v", h.id, err)
		}
		answer := &tape{in: &st.out}
		if p, err = newPipe(answer, maxFrame, time.Second); err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = p.next(maxFrame)
		}
		if err != io.EOF {
			t.Fatalf("%s: answer ends with %v", h.id, err)
		}
	})
}
