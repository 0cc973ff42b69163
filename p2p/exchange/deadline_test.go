package exchange

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange/wire"
)

// A strict stream gives a request and takes an answer, and notes whether each had a deadline, and
// whether memory was reserved before anything was read.
type strict struct {
	network.Stream
	request io.Reader

	readBy, writeBy      time.Time
	naked                []string // what was done without
	reserved, open       int
	wrote                int
	takes                int // bytes of the answer, then no more
	silent, ended, reset bool
}

func (s *strict) Conn() network.Conn                { return from{} }
func (s *strict) Scope() network.StreamScope        { return strictScope{s: s} }
func (s *strict) SetReadDeadline(t time.Time) error { s.readBy = t; return nil }
func (s *strict) SetWriteDeadline(t time.Time) error {
	s.writeBy = t
	return nil
}
func (s *strict) SetDeadline(t time.Time) error { s.readBy, s.writeBy = t, t; return nil }
func (s *strict) Close() error                  { s.ended = true; return nil }
func (s *strict) CloseWrite() error             { return nil }
func (s *strict) Reset() error                  { s.reset = true; return nil }

type strictScope struct {
	network.StreamScope
	s *strict
}

func (c strictScope) ReserveMemory(n int, _ uint8) error {
	c.s.reserved, c.s.open = c.s.reserved+n, c.s.open+n
	return nil
}

func (c strictScope) ReleaseMemory(n int) { c.s.open -= n }

func (s *strict) Read(b []byte) (int, error) {
	if s.reserved == 0 {
		s.naked = append(s.naked, "memory")
	}
	if !s.readBy.After(time.Now()) {
		s.naked = append(s.naked, "read")
	}
	if s.silent {
		time.Sleep(time.Until(s.readBy))
		return 0, os.ErrDeadlineExceeded
	}
	return s.request.Read(b)
}

func (s *strict) Write(b []byte) (int, error) {
	if !s.writeBy.After(time.Now()) {
		s.naked = append(s.naked, "write")
	}
	n := min(len(b), s.takes)
	s.takes, s.wrote = s.takes-n, s.wrote+n
	if n < len(b) {
		time.Sleep(time.Until(s.writeBy))
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

type from struct{ network.Conn }

func (from) RemotePeer() peer.ID           { return "p" }
func (from) RemoteMultiaddr() ma.Multiaddr { return ma.StringCast("/ip4/127.0.0.1/tcp/1") }

// judges notes whom the server wants to be punished.
type judges struct {
	fixture
	why error
}

func (j *judges) Punish(_ peer.ID, why error) { j.why = why }

// A roster is a directory of nobody.
type roster struct{}

func (roster) Records(peer.ID, Realm, int) []Record { return nil }

// TestDeadlines holds that the handler of every protocol, the ones to come too, reserves memory before
// it reads, and reads and writes with deadlines; and that a peer which neither gives a request nor
// takes an answer in that time is let go, without a ban.
func TestDeadlines(t *testing.T) {
	n := coretest.Network(t)
	c, err := chain.Open(n, coretest.NewMemStore(n), chain.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddBlocks(coretest.Chain(t, n, coretest.Genesis(n), 3, 2)); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	has := &judges{fixture: fixture{coretest.Messages(t, n, "waiting", 2)}}
	s, err := NewServer(nil, n, c, has, has, cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.ServePeers(roster{})
	ids, tip := ProtocolsOf(n), c.Tip().Hash
	requests := map[protocol.ID]proto.Message{ // each has an answer
		ids.Hello:    (&Hello{Genesis: n.Genesis, Network: "x"}).encode(),
		ids.Headers:  &wire.HeadersRequest{Locator: n.Genesis[:], Limit: 5},
		ids.Blocks:   &wire.BlocksRequest{Hashes: tip[:]},
		ids.Messages: &wire.MessagesRequest{Ids: has.messages[1].ID[:]},
		ids.Mempool:  &wire.MempoolRequest{Limit: 7},
		ids.Sketch:   &wire.SketchRequest{Cells: 128},
		ids.Offer:    &wire.OfferRequest{Ids: has.messages[1].ID[:]},
		ids.Vote:     &wire.VoteRequest{Message: has.messages[0].Bytes()},
		ids.Fill:     &wire.FillRequest{Block: tip[:], Positions: []uint32{0}},
		ids.Leaves:   &wire.LeavesRequest{Block: tip[:]},
		ids.Peers:    &wire.PeersRequest{Limit: 5},
	}
	for _, h := range s.handlers {
		request := requests[h.id]
		if request == nil {
			t.Errorf("%s: name a request for it here", h.id)
			continue
		}
		b, err := proto.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		frame := append(binary.AppendUvarint(nil, uint64(len(b))), b...)
		for _, st := range []*strict{
			{request: bytes.NewReader(frame), takes: 1 << 20},
			{request: bytes.NewReader(frame)},
			{silent: true},
		} {
			synctest.Test(t, func(t *testing.T) {
				has.why = nil
				begin := time.Now()
				s.answer(t.Context(), h, st)
				if len(st.naked) > 0 || st.open < 0 {
					t.Errorf("%s: without a limit: %v; %d bytes are reserved at the end", h.id, st.naked, st.open)
				}
				if st.takes > 0 {
					if !st.ended || st.wrote == 0 || has.why != nil {
						t.Errorf("%s: ended %v, wrote %d bytes, punished for %v", h.id, st.ended, st.wrote, has.why)
					}
					return
				}
				if !st.reset || time.Since(begin) != cfg.FrameTimeout {
					t.Errorf("%s: reset %v after %v, want %v", h.id, st.reset, time.Since(begin), cfg.FrameTimeout)
				}
				if !errors.Is(has.why, ErrStalled) || consensus.ClassOf(has.why) != consensus.Undecided {
					t.Errorf("%s: punished for %v", h.id, has.why)
				}
			})
		}
	}
}
