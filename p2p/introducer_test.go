package p2p_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/bootstrap"
	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/p2ptest"
)

// introduce opens and runs an introducer until the test ends.
func introduce(t *testing.T, n *core.Network, i int, edits ...func(*p2p.Config)) *p2p.Introducer {
	t.Helper()
	cfg := config(t, i, new(journal))
	for _, edit := range edits {
		edit(&cfg)
	}
	in, err := p2p.OpenIntroducer(n, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := in.Run(ctx); err != nil {
			t.Errorf("introducer: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := in.Close(); err != nil {
			t.Errorf("closing an introducer: %v", err)
		}
	})
	return in
}

// TestIntroducer tells two nodes of each other, and counts for neither as a peer.
func TestIntroducer(t *testing.T) {
	n := coretest.Network(t)
	in := introduce(t, n, 9)
	a, b := start(t, n, 1), start(t, n, 2)
	for _, node := range []*node{a, b} {
		if err := node.Connect(t.Context(), in.Addrs()[0]); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the introducer knows both", func() bool { return in.Known() == 2 && len(in.Peers()) == 2 })
	found, err := a.AskPeers(t.Context(), in.Host().ID())
	if err != nil || len(found) != 1 || found[0].ID != b.Host().ID() || len(found[0].Addrs) == 0 {
		t.Fatalf("asked for peers: %v, %v, want the other node", found, err)
	}
	if err := a.Host().Connect(t.Context(), found[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both sides know each other", func() bool { return a.knows(b) && b.knows(a) })

	if peers := a.Peers(); len(peers) != 1 {
		t.Errorf("%d peers, want the other node alone", len(peers))
	}
	if got := a.Introducers(); len(got) != 1 || got[0].ID != in.ID() {
		t.Errorf("introducers %v", got)
	}
	m := coretest.Message(t, n, coretest.Key(5), "vote")
	if yes, asked := a.Vote(t.Context(), m); yes != 1 || asked != 1 {
		t.Errorf("%d of %d votes, want the other node's alone", yes, asked)
	}
	for id, want := range map[peer.ID][2]bool{in.Host().ID(): {false, true}, b.Host().ID(): {true, false}, "nobody": {}} {
		if member, introducer := a.RoleOf(id); [2]bool{member, introducer} != want {
			t.Errorf("role of %v: member %v, introducer %v", id, member, introducer)
		}
	}
	if found, err := b.AskPeers(t.Context(), a.Host().ID()); err != nil || len(found) != 0 {
		t.Errorf("a member told of %v, %v, want nobody: it is the only other one", found, err)
	}
}

// TestNewAddressesAreTold tells an introducer of a node's new address before the next hello is due.
func TestNewAddressesAreTold(t *testing.T) {
	n := coretest.Network(t)
	in := introduce(t, n, 9)
	a, b := start(t, n, 1), start(t, n, 2, func(c *p2p.Config) { c.HelloEvery = time.Hour })
	for _, node := range []*node{a, b} {
		if err := node.Connect(t.Context(), in.Addrs()[0]); err != nil {
			t.Fatal(err)
		}
	}
	addrs := func() int {
		found, err := a.AskPeers(t.Context(), in.Host().ID())
		if err != nil || len(found) != 1 {
			return 0
		}
		return len(found[0].Addrs)
	}
	eventually(t, "one address is known", func() bool { return addrs() == 1 })
	if err := b.Host().Network().Listen(ma.StringCast(quicLoopback)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are known", func() bool { return addrs() == 2 })
}

// A lateAnswerer answers its first hello only after something has happened.
type lateAnswerer struct {
	exchange.Peers
	hello   exchange.Hello
	happens func()
	heard   chan exchange.Hello
}

func (l *lateAnswerer) Self() exchange.Hello {
	l.happens()
	return l.hello
}

func (l *lateAnswerer) Greeted(_ peer.ID, h exchange.Hello) { l.heard <- h }

// TestAddressOfTheMeantime gives a node a new address while its first hello is under way: the peer, which has the
// old one, gets another hello soon.
func TestAddressOfTheMeantime(t *testing.T) {
	n := coretest.Network(t)
	a := start(t, n, 1, func(c *p2p.Config) { c.HelloEvery = time.Hour })
	before := a.Self().Records
	h := p2ptest.Host(t)
	late := &lateAnswerer{
		hello: exchange.Hello{Genesis: n.Genesis, Network: n.Params.Name, Tip: n.Genesis, Introducer: true},
		heard: make(chan exchange.Hello, 10),
		happens: sync.OnceFunc(func() {
			if err := a.Host().Network().Listen(ma.StringCast(quicLoopback)); err != nil {
				t.Error(err)
			}
			eventually(t, "the node knows its new address", func() bool { return a.Self().Records != before })
			time.Sleep(100 * time.Millisecond) // whoever is past its hello is told now
		}),
	}
	cfg := exchange.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	server, err := exchange.NewServer(h, n, nil, nil, late, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	if err := a.Host().Connect(t.Context(), peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}); err != nil {
		t.Fatal(err)
	}
	if first := <-late.heard; first.Records != before {
		t.Fatal("void: the first hello has the new address")
	}
	select {
	case again := <-late.heard:
		if again.Records == before {
			t.Error("the next hello has the old address alone")
		}
	case <-time.After(p2ptest.Patience):
		t.Error("no other hello")
	}
}

// TestNodesMeetByIntroducer gives five nodes nothing but the address of an introducer.
func TestNodesMeetByIntroducer(t *testing.T) {
	n := coretest.Network(t)
	in := introduce(t, n, 9)
	var nodes []*node
	for i := range 5 {
		nodes = append(nodes, start(t, n, i+1))
	}
	for _, node := range nodes {
		find(t, n, node, in.Addrs()[0], nil)
	}
	eventually(t, "all know each other", func() bool { return meshed(nodes) })
}

// TestNodesMeetByDHT gives them the address of one of them, which is not asked for others.
func TestNodesMeetByDHT(t *testing.T) {
	n := coretest.Network(t)
	in := introduce(t, n, 9)
	var nodes []*node
	for i := range 4 {
		nodes = append(nodes, start(t, n, i+1))
	}
	cfg := bootstrap.DefaultConfig(n.ID())
	cfg.MDNS, cfg.DHT, cfg.WantPeers = false, true, 0
	runBootstrap(t, in.Host(), cfg)
	for _, node := range nodes {
		find(t, n, node, in.Addrs()[0], func(cfg *bootstrap.Config) {
			cfg.DHT, cfg.Exchange = true, mute{cfg.Exchange}
		})
	}
	eventually(t, "all know each other", func() bool { return meshed(nodes) })
}

// Mute is an exchange that brings nothing.
type mute struct{ bootstrap.Exchange }

func (mute) AskPeers(context.Context, peer.ID) ([]peer.AddrInfo, error) { return nil, nil }

func meshed(nodes []*node) bool {
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b && !a.knows(b) {
				return false
			}
		}
	}
	return true
}

// find makes a node look for peers, beginning at a seed.
func find(t *testing.T, n *core.Network, node *node, seed string, edit func(*bootstrap.Config)) {
	t.Helper()
	cfg := bootstrap.DefaultConfig(n.ID())
	s, err := bootstrap.ParseSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MDNS, cfg.Seeds, cfg.Exchange = false, []bootstrap.Seed{s}, node.Node
	if edit != nil {
		edit(&cfg)
	}
	runBootstrap(t, node.Host(), cfg)
}

// runBootstrap runs bootstrap on a host until the test ends.
func runBootstrap(t *testing.T, h host.Host, cfg bootstrap.Config) {
	t.Helper()
	b, err := bootstrap.New(h, &bootstrap.MemoryBook{}, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Errorf("bootstrap: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

// TestReachedThroughRelay reaches a node that listens nowhere, by a relay that serves members.
func TestReachedThroughRelay(t *testing.T) {
	n := coretest.Network(t)
	middle := introduce(t, n, 9, func(c *p2p.Config) { c.NAT.RelayService = true })
	hidden := start(t, n, 1, func(c *p2p.Config) {
		c.Listen = nil
		c.NAT = p2p.NATConfig{RelayClient: true, HolePunch: true, AutoNAT: true}
	})
	other := start(t, n, 2, func(c *p2p.Config) { c.NAT.HolePunch = true })
	hidden.grow(t, n, 3)
	if err := hidden.Connect(t.Context(), middle.Addrs()[0]); err != nil {
		t.Fatal(err)
	}
	through := middle.Addrs()[0] + "/p2p-circuit/p2p/" + hidden.ID()
	eventually(t, "connected through the relay", func() bool { return other.Connect(t.Context(), through) == nil })
	eventually(t, "both sides know each other", func() bool { return other.knows(hidden) && hidden.knows(other) })
	if got := hidden.Relays(); got != 1 {
		t.Errorf("%d of two peers relay, want the introducer", got)
	}
	if p := other.peer(hidden); len(p.Addrs) != 1 || !strings.Contains(p.Addrs[0], "/p2p-circuit") {
		t.Errorf("connected by %v, want the relay", p.Addrs)
	}
	if c := other.Host().Network().Connectedness(hidden.Host().ID()); c != network.Connected {
		t.Errorf("connection is %v: what goes through it is limited", c)
	}
	eventually(t, "synced through the relay", func() bool { return other.chain.Tip().Hash == hidden.chain.Tip().Hash })
}
