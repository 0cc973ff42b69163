package gossip

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core/consensus"
	"p2pchain/core/coretest/random"
)

// A sheriff notes why peers are punished.
type sheriff map[peer.ID]error

func (s sheriff) Punish(p peer.ID, why error) { s[p] = why }

// A pouring is a stream that gives these bytes and then ends as told.
type pouring struct {
	network.Stream
	io.Reader
	end error
}

func (p *pouring) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err == io.EOF {
		err = p.end
	}
	return n, err
}

func (p *pouring) Reset() error { return nil }

func rpcFrames(sizes ...int) string {
	var b []byte
	for _, size := range sizes {
		b = append(binary.AppendUvarint(b, uint64(size)), make([]byte, size)...)
	}
	return string(b)
}

// TestFrames counts frames, however the bytes are cut.
func TestFrames(t *testing.T) {
	sizes := []int{0, 1, 127, 128, 5, 70000, 0, 0, 300}
	rng := random.Source(t)
	for range 200 {
		var f frames
		begun := 0
		for b := []byte(rpcFrames(sizes...)); len(b) > 0; {
			n := 1 + rng.IntN(min(len(b), 1+rng.IntN(1000)))
			begun += f.pass(b[:n])
			b = b[n:]
		}
		if begun != len(sizes) || f.left != 0 {
			t.Fatalf("%d frames of %d, %d bytes left", begun, len(sizes), f.left)
		}
	}
}

// TestBrokenStreams punishes a peer whose frames pubsub cannot read, and nobody for a stream that ended
// in another way.
func TestBrokenStreams(t *testing.T) {
	for _, tt := range []struct {
		name  string
		end   func(g *guard, s *guardedStream, quit func())
		fault bool
	}{
		{"pubsub gives up", func(*guard, *guardedStream, func()) {}, true},
		{"the line broke", func(_ *guard, s *guardedStream, _ func()) { s.Read(make([]byte, 1)) }, false},
		// Pubsub may be given the two in another order than we.
		{"another stream", func(g *guard, s *guardedStream, _ func()) { g.enter(s.from) }, false},
		{"another stream that is gone", func(g *guard, s *guardedStream, _ func()) { g.enter(s.from)() }, true},
		{"a stream of another peer", func(g *guard, s *guardedStream, _ func()) { g.enter("q") }, true},
		{"we end", func(_ *guard, _ *guardedStream, quit func()) { quit() }, false},
	} {
		punished := make(sheriff)
		g := newGuard(time.Now, punished)
		done := make(chan struct{})
		inner := &pouring{Reader: strings.NewReader(rpcFrames(10)), end: errors.New("reset")}
		s := &guardedStream{Stream: inner, guard: g, from: "p", done: done}
		leave := g.enter(s.from)
		if _, err := io.ReadFull(s, make([]byte, 11)); err != nil {
			t.Fatal(err)
		}
		tt.end(g, s, func() { close(done) })
		s.Reset()
		if err := punished["p"]; (err != nil) != tt.fault || tt.fault && consensus.ClassOf(err) != consensus.Broken {
			t.Errorf("%s: %v", tt.name, err)
		}
		others := g.streams["p"] - 1
		leave()
		if got, ok := g.streams["p"]; got != others || ok != (others > 0) {
			t.Errorf("%s: the stream is not forgotten", tt.name)
		}
	}
}

// TestStreamsAreReadAtARate delays who sends too much, by bytes or by frames, and nobody else.
func TestStreamsAreReadAtARate(t *testing.T) {
	for name, content := range map[string]string{
		"bytes":  rpcFrames(make64K(16 * streamRate)...),
		"frames": strings.Repeat("\x00", 16*streamRate/minFrame),
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(time.Now, make(sheriff))
			read := func(p peer.ID, content string) time.Duration {
				begin := time.Now()
				io.Copy(io.Discard, onlyReader{&guardedStream{
					Stream: &pouring{Reader: strings.NewReader(content), end: io.EOF}, guard: g, from: p,
				}})
				return time.Since(begin)
			}
			if took := read("a", content); took < 10*time.Second || took > 14*time.Second {
				t.Errorf("16 s of %s, 4 s of them a burst, took %v", name, took)
			}
			if took := read("b", rpcFrames(1000)); took != 0 {
				t.Errorf("another peer waited for %v", took)
			}
		})
	}
}

type onlyReader struct{ io.Reader }

func make64K(n int) (sizes []int) {
	for range n / (64 << 10) {
		sizes = append(sizes, 64<<10)
	}
	return sizes
}

// TestSubscriptions takes what honest peers need, and punishes floods at once.
func TestSubscriptions(t *testing.T) {
	now := time.Now()
	punished := make(sheriff)
	g := newGuard(func() time.Time { return now }, punished)
	rpc := func(n int) *pubsub.RPC {
		return &pubsub.RPC{RPC: pb.RPC{Subscriptions: make([]*pb.RPC_SubOpts, n)}}
	}
	for range 100 { // comes back every 3 s
		if err := g.inspect("honest", rpc(2)); err != nil {
			t.Fatal(err)
		}
		now = now.Add(3 * time.Second)
	}
	if err := g.inspect("greedy", rpc(maxSubscriptions+1)); !errors.Is(err, ErrFlood) || punished["greedy"] == nil {
		t.Errorf("too many at once: %v", err)
	}
	var err error
	for range subscribeBurst + 1 {
		err = g.inspect("restless", rpc(1))
	}
	if !errors.Is(err, ErrFlood) || punished["restless"] == nil {
		t.Errorf("too many after each other: %v", err)
	}
	if err := g.inspect("restless", rpc(0)); err != nil || len(punished) != 2 {
		t.Errorf("%v; punished %v", err, punished)
	}
}

// TestOrphans lets a node that is behind hear of new blocks, and ends floods.
func TestOrphans(t *testing.T) {
	now := time.Now()
	g := newGuard(func() time.Time { return now }, make(sheriff))
	for range 10000 { // as with T = 100 ms, and half of the blocks stale
		if err := g.orphan("honest"); err != nil {
			t.Fatal(err)
		}
		now = now.Add(50 * time.Millisecond)
	}
	for i := range 1000 { // as with a network of a few seconds, for five more
		if err := g.orphan("young"); errors.Is(err, ErrFlood) || i < orphanBurst && err != nil {
			t.Fatalf("orphan %d: %v", i, err)
		}
		now = now.Add(5 * time.Millisecond)
	}
	const most = orphanBurst + floodBurst/minVain
	for i := range most + 1 {
		if err := g.orphan("flood"); errors.Is(err, ErrFlood) != (i == most) {
			t.Fatalf("orphan %d: %v", i, err)
		}
	}
}
