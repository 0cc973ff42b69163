package p2p_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p"
)

// TestTwoNodes joins nodes over each transport: both know the other by its hello, the shorter chain
// catches up, and what is said and sealed on one is heard on the other.
func TestTwoNodes(t *testing.T) {
	n := coretest.Network(t)
	for name, addr := range map[string]string{"tcp": tcpLoopback, "quic": quicLoopback, "ws": wsLoopback} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listen := func(c *p2p.Config) { c.Listen = []string{addr} }
			a, b := start(t, n, 1, listen), start(t, n, 2, listen)
			a.grow(t, n, 20)
			connect(t, b, a)
			got := b.peer(a)
			if got.Direction != p2p.Outbound || got.Agent != "test/1" || got.Height != 20 || got.Tip != a.chain.Tip().Hash ||
				got.Work != a.chain.Tip().Header.Work || len(got.Addrs) != 1 || got.ConnectedSince.IsZero() {
				t.Errorf("peer %+v", got)
			}
			if a.peer(b).Direction != p2p.Inbound {
				t.Errorf("peer %+v", a.peer(b))
			}
			eventually(t, "latencies are known", func() bool { return a.peer(b).Latency > 0 && b.peer(a).Latency > 0 })
			eventually(t, "the chains agree", func() bool { return b.chain.Tip().Hash == a.chain.Tip().Hash })

			said := coretest.Messages(t, n, "said", 3)
			if err := errors.Join(b.pool.Add(said, mempool.Origin{})...); err != nil {
				t.Fatal(err)
			}
			eventually(t, "messages are everywhere", func() bool { return a.pool.Totals().Count == 3 })
			block := coretest.Next(t, n, coretest.Tip(a.chain.Tip()), said...)
			if _, err := a.chain.AddBlocks([]*core.Block{block}); err != nil {
				t.Fatal(err)
			}
			if err := a.PublishBlock(t.Context(), block); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the block is everywhere", func() bool { return b.chain.Tip().Hash == block.Header.Hash() })
		})
	}
}

// TestOneTCPPort has TCP and WebSocket on one port, as the default addresses do.
func TestOneTCPPort(t *testing.T) {
	n := coretest.Network(t)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := "/ip4/127.0.0.1/tcp/" + strings.Split(plain.Addr().String(), ":")[1]
	if err := plain.Close(); err != nil {
		t.Fatal(err)
	}
	a := start(t, n, 1, func(c *p2p.Config) { c.Listen = []string{port, port + "/ws"} })
	for i, addr := range []string{port, port + "/ws"} {
		b := start(t, n, 2+i)
		if err := b.Connect(t.Context(), addr+"/p2p/"+a.ID()); err != nil {
			t.Errorf("%s: %v", addr, err)
		} else if got := b.Peers()[0].Addrs; len(got) != 1 || got[0] != addr {
			t.Errorf("connected to %v, want %s", got, addr)
		}
	}
}

// TestOtherNetwork meets a node of another network: both sides say so in exactly one line, however
// often they meet.
func TestOtherNetwork(t *testing.T) {
	n := coretest.Network(t)
	other := coretest.Network(t, func(p *core.Params) { p.Name = "lab7" })
	a, b := start(t, n, 1), start(t, other, 2)
	for range 3 {
		err := a.Connect(t.Context(), b.Addrs()[0])
		if !errors.Is(err, p2p.ErrOtherNetwork) || !strings.Contains(err.Error(), n.String()) || !strings.Contains(err.Error(), other.String()) {
			t.Errorf("Connect = %v", err)
		}
		eventually(t, "disconnected", func() bool { return len(a.Host().Network().Peers())+len(b.Host().Network().Peers()) == 0 })
	}
	if err := b.Host().Connect(t.Context(), info(a)); err == nil {
		t.Error("a peer of another network was dialled again")
	}
	for _, node := range []*node{a, b} {
		if got := node.log.lines("another network", n.String(), other.String()); len(got) != 1 {
			t.Errorf("%d lines: %q", len(got), got)
		}
		if len(node.Peers()) > 0 {
			t.Errorf("peers %v", node.Peers())
		}
	}
}

func info(n *node) peer.AddrInfo { return peer.AddrInfo{ID: n.Host().ID(), Addrs: n.Host().Addrs()} }

// TestNoHello lets a host go that speaks other protocols.
func TestNoHello(t *testing.T) {
	t.Parallel()
	a := start(t, coretest.Network(t), 1)
	stranger := plainHost(t)
	if err := stranger.Connect(t.Context(), info(a)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the stranger is gone", func() bool { return len(a.Host().Network().Peers()) == 0 })
	if len(a.Peers()) > 0 || len(a.log.lines("does not say hello", stranger.ID().String())) != 1 {
		t.Errorf("peers %v, log %q", a.Peers(), a.log.lines())
	}
}

func plainHost(t *testing.T) host.Host {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings(tcpLoopback), libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// TestConnectErrors says what is wrong with an address.
func TestConnectErrors(t *testing.T) {
	a := start(t, coretest.Network(t), 1)
	id := plainHost(t).ID().String()
	for _, tt := range []struct {
		name, addr string
		want       error
	}{
		{"no multiaddr", "10.0.0.1:99", p2p.ErrBadAddress},
		{"no peer id", "/ip4/127.0.0.1/tcp/1", p2p.ErrBadAddress},
		{"nobody there", "/ip4/127.0.0.1/tcp/1/p2p/" + id, p2p.ErrUnreachable},
		{"ourselves", a.Addrs()[0], p2p.ErrBadAddress},
	} {
		if err := a.Connect(t.Context(), tt.addr); !errors.Is(err, tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if err := a.Disconnect("x"); !errors.Is(err, p2p.ErrBadAddress) {
		t.Errorf("Disconnect of nonsense: %v", err)
	}
	if err := a.Disconnect(id); !errors.Is(err, p2p.ErrNoPeer) {
		t.Errorf("Disconnect of a stranger: %v", err)
	}
}

// TestListenErrors names the address and the reason. Two nodes do not share a port in silence.
func TestListenErrors(t *testing.T) {
	n := coretest.Network(t)
	a := start(t, n, 1, func(c *p2p.Config) { c.Listen = []string{tcpLoopback, quicLoopback} })
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	taken := []string{"/ip4/127.0.0.1/tcp/" + strings.Split(plain.Addr().String(), ":")[1]}
	for _, addr := range a.Addrs() {
		taken = append(taken, strings.Split(addr, "/p2p/")[0])
	}
	taken = append(taken, taken[0]+"/ws", "/ip4/127.0.0.1/udp/1/quic", "/ip4/127.0.0.1", "/dns4/localhost/tcp/0")
	for _, addr := range taken {
		cfg := config(t, 2, new(journal))
		cfg.Listen = []string{tcpLoopback, addr}
		b, err := p2p.Open(n, a.chain, a.pool, cfg)
		if !errors.Is(err, p2p.ErrListen) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v, want ErrListen", addr, err)
		}
		if b != nil {
			b.Close()
		}
	}
	cfg := config(t, 2, new(journal))
	cfg.Listen, cfg.Announce = []string{"nonsense"}, []string{"/ip4/300.0.0.1/tcp/1"}
	if _, err := p2p.Open(n, a.chain, a.pool, cfg); !errors.Is(err, p2p.ErrBadAddress) ||
		!strings.Contains(err.Error(), "nonsense") || !strings.Contains(err.Error(), "/ip4/300.0.0.1/tcp/1") {
		t.Errorf("malformed: %v", err)
	}
}

// TestAnnounce tells peers the announced addresses, besides those that the host sees.
func TestAnnounce(t *testing.T) {
	const public = "/ip4/198.51.100.7/tcp/4001"
	a := start(t, coretest.Network(t), 1, func(c *p2p.Config) { c.Announce = []string{public} })
	addrs := a.Addrs()
	if len(addrs) != 2 || !slices.Contains(addrs, public+"/p2p/"+a.ID()) {
		t.Errorf("addresses %v", addrs)
	}
}

// TestComeAndGo follows a peer that leaves and comes back.
func TestComeAndGo(t *testing.T) {
	n := coretest.Network(t)
	a, b := start(t, n, 1), start(t, n, 2)
	connect(t, a, b)
	if err := a.Disconnect(b.ID()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are alone", func() bool { return len(a.Peers())+len(b.Peers()) == 0 })
	connect(t, b, a)
	b.stop()
	eventually(t, "a is alone", func() bool { return len(a.Peers()) == 0 })
}

// TestVote counts the peers that would take a message.
func TestVote(t *testing.T) {
	n := coretest.Network(t)
	a, b, c := start(t, n, 1), start(t, n, 2), start(t, n, 3)
	good := coretest.Message(t, n, coretest.Key(5), "hello")
	bad := *good
	bad.Signature[0] ^= 1
	if yes, asked := a.Vote(t.Context(), good); yes != 0 || asked != 0 {
		t.Errorf("alone: %d of %d", yes, asked)
	}
	connect(t, a, b)
	connect(t, c, a)
	if yes, asked := a.Vote(t.Context(), good); yes != 2 || asked != 2 {
		t.Errorf("valid: %d of %d", yes, asked)
	}
	if yes, asked := a.Vote(t.Context(), &bad); yes != 0 || asked != 2 {
		t.Errorf("forged: %d of %d", yes, asked)
	}
	for _, node := range []*node{b, c} {
		if node.pool.Totals().Count != 0 {
			t.Error("a voter keeps what it votes on")
		}
	}
}

// TestPunish lets a peer go in any case, and keeps it out after a broken rule until we call it.
func TestPunish(t *testing.T) {
	n := coretest.Network(t)
	a, b := start(t, n, 1), start(t, n, 2)
	connect(t, a, b)
	a.Punish(b.Host().ID(), errors.New("too slow"))
	eventually(t, "both are alone", func() bool { return len(a.Peers())+len(b.Peers()) == 0 })
	connect(t, b, a)
	a.Punish(b.Host().ID(), consensus.ErrSignature)
	eventually(t, "both are alone", func() bool { return len(a.Peers())+len(b.Peers()) == 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := b.Connect(ctx, a.Addrs()[0]); err == nil {
		t.Error("a banned peer was let in")
	}
	connect(t, a, b)
}

// TestPunishedForAStall lets a peer back in at once that was only slow, whatever the error says.
func TestPunishedForAStall(t *testing.T) {
	n := coretest.Network(t)
	a, b := start(t, n, 1), start(t, n, 2)
	for _, why := range []error{
		consensus.NewRefusal("slow", consensus.Undecided), consensus.NewRefusal("ours", consensus.Fault), context.DeadlineExceeded,
	} {
		connect(t, b, a)
		a.Punish(b.Host().ID(), why)
		eventually(t, "both are alone", func() bool { return len(a.Peers())+len(b.Peers()) == 0 })
	}
	connect(t, b, a)
}

// TestLostGossip breaks the streams of pubsub until it gives the peer up. It is let go then, and
// with a new connection everything works again.
func TestLostGossip(t *testing.T) {
	t.Parallel()
	n := coretest.Network(t)
	a := start(t, n, 1, func(c *p2p.Config) { c.GossipGrace = 2 * time.Second })
	b := start(t, n, 2)
	inMesh := func() bool { return a.Gossip().Mesh == 1 && b.Gossip().Mesh == 1 }
	connect(t, b, a)
	eventually(t, "in each other's meshes", inMesh)
	eventually(t, "the peer is let go", func() bool {
		for _, c := range a.Host().Network().Conns() {
			for _, s := range c.GetStreams() {
				if strings.HasPrefix(string(s.Protocol()), "/meshsub/") {
					s.Reset()
				}
			}
		}
		return len(a.log.lines("no part in gossip", b.ID())) == 1
	})
	if a.Watchdogs().Lost != 1 {
		t.Errorf("Watchdogs = %+v", a.Watchdogs())
	}
	eventually(t, "both are alone", func() bool { return len(a.Peers())+len(b.Peers()) == 0 })
	eventually(t, "it is said", func() bool { return len(a.log.lines("no peers")) == 1 && a.Watchdogs().Alone == 1 })
	connect(t, b, a)
	eventually(t, "in each other's meshes again", inMesh)
	eventually(t, "it is said", func() bool { return len(a.log.lines("peers again")) == 1 })
}

// TestHelloAgain learns by hello what a peer has now, and that its clock is off.
func TestHelloAgain(t *testing.T) {
	t.Parallel()
	n := coretest.Network(t)
	often := func(c *p2p.Config) { c.HelloEvery = time.Second }
	late := func(c *p2p.Config) { c.Now = func() time.Time { return time.Now().Add(-time.Hour) } }
	a, b := start(t, n, 1, often, late), start(t, n, 2, often)
	connect(t, a, b)
	if offset := b.peer(a).ClockOffset; (offset + time.Hour).Abs() > 10*time.Second {
		t.Errorf("clock offset %v, want -1h", offset)
	}
	// It says an hour, give or take what a hello took.
	if got := b.log.lines("clocks", a.ID(), "peer_ahead=-"); len(got) != 1 {
		t.Errorf("%d lines on the clock", len(got))
	}
	a.grow(t, n, 5)
	eventually(t, "the peer's height is known", func() bool { return b.peer(a).Height == 5 })
}

// TestReconnect is a peer whose connection is replaced at once: it says hello anew.
func TestReconnect(t *testing.T) {
	n := coretest.Network(t)
	a, b := start(t, n, 1), start(t, n, 2)
	connect(t, a, b)
	for range 4 { // more, and the hellos are answered later
		if err := b.Host().Network().ClosePeer(a.Host().ID()); err != nil {
			t.Fatal(err)
		}
		connect(t, b, a)
	}
	if len(a.Peers()) != 1 || len(b.Peers()) != 1 {
		t.Errorf("peers %v, %v", a.Peers(), b.Peers())
	}
	eventually(t, "one goroutine for each peer says hello", func() bool {
		stacks := make([]byte, 4<<20)
		return bytes.Count(stacks[:runtime.Stack(stacks, true)], []byte(".(*Node).greet(")) == 2
	})
}
