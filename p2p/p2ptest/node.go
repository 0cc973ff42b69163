package p2ptest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// A Store is all that a node keeps on disk; tests give one that lives in memory.
type Store interface {
	chain.Store
	mempool.Store
}

// Config changes what a node does by itself. The zero value is the default of every part.
type Config struct {
	Gossip   func(*gossip.Config)
	Now      func() time.Time // of the chain and of gossip; nil is the wall clock
	NoGossip bool             // leave the topics alone, and reconcile nothing

	Forgetful bool // check signatures of waiting messages again when a block brings them
}

// A Node takes part in a network.
type Node struct {
	Network *core.Network
	Host    host.Host
	Chain   *chain.Chain
	Pool    *mempool.Pool
	Client  *exchange.Client
	Syncer  *syncer.Syncer
	Gossip  *gossip.Gossip

	t        testing.TB
	cfg      Config
	mu       sync.Mutex // guards punished
	punished map[peer.ID]error
}

// Start runs a node on a store until the test ends.
func Start(t testing.TB, n *core.Network, s Store, cfg Config) *Node {
	t.Helper()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	node := &Node{t: t, cfg: cfg, Network: n, Host: Host(t), punished: make(map[peer.ID]error)}
	log := slog.New(slog.DiscardHandler)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("starting a node: %v", err)
		}
	}
	var err error
	chains, pools := chain.DefaultConfig(), mempool.DefaultConfig()
	exchanges, syncs, gossips := exchange.DefaultConfig(), syncer.DefaultConfig(), gossip.DefaultConfig()
	chains.Log, pools.Log, exchanges.Log, syncs.Log, gossips.Log = log, log, log, log, log
	chains.Now, gossips.Now = cfg.Now, cfg.Now
	if !cfg.Forgetful {
		chains.Verified = consensus.NewVerified()
		pools.Verified = chains.Verified
	}
	if cfg.Gossip != nil {
		cfg.Gossip(&gossips)
	}
	node.Chain, err = chain.Open(n, s, chains)
	must(err)
	node.Pool, err = mempool.Open(n, node.Chain, s, pools)
	must(err)
	node.Client, err = exchange.NewClient(node.Host, n, exchanges)
	must(err)
	server, err := exchange.NewServer(node.Host, n, node.Chain, node.Pool, node, exchanges)
	must(err)
	node.Syncer, err = syncer.New(node.Chain, node.Client, node, syncs)
	must(err)
	node.Gossip, err = gossip.New(node.Host, n, node.Chain, node.Pool, node.Client, node.Syncer, node, gossips)
	must(err)
	node.run(server.Run, node.Pool.Run, node.Syncer.Run)
	if !cfg.NoGossip {
		node.run(node.Gossip.Run)
	}
	return node
}

// run runs parts until the test ends.
func (n *Node) run(parts ...func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, part := range parts {
		running.Go(func() {
			if err := part(ctx); err != nil && !errors.Is(err, context.Canceled) {
				n.t.Errorf("a part of a node: %v", err)
			}
		})
	}
	n.t.Cleanup(func() { cancel(); running.Wait() })
}

// Connect joins two nodes, as their hellos would.
func Connect(t testing.TB, a, b *Node) {
	t.Helper()
	wantA, wantB := a.Gossip.Stats().Mesh+1, b.Gossip.Stats().Mesh+1
	Join(t, a.Host, b.Host)
	a.greet(b)
	b.greet(a)
	if a.cfg.NoGossip || b.cfg.NoGossip {
		return
	}
	Eventually(t, "in each other's meshes", func() bool { return a.Gossip.Stats().Mesh >= wantA && b.Gossip.Stats().Mesh >= wantB })
}

func (n *Node) greet(other *Node) {
	tip := other.Chain.Tip()
	n.Syncer.PeerUp(other.Host.ID(), syncer.Claim{Tip: tip.Hash, Height: tip.Header.Height, Work: tip.Header.Work})
	n.Gossip.PeerUp(other.Host.ID())
}

// Disconnect parts two nodes.
func Disconnect(t testing.TB, a, b *Node) {
	t.Helper()
	for _, side := range [][2]*Node{{a, b}, {b, a}} {
		side[0].Syncer.PeerDown(side[1].Host.ID())
		side[0].Gossip.PeerDown(side[1].Host.ID())
		if err := side[0].Host.Network().ClosePeer(side[1].Host.ID()); err != nil {
			t.Fatalf("disconnecting: %v", err)
		}
	}
}

// Say takes messages as from users of this node.
func (n *Node) Say(msgs ...*core.Message) {
	n.t.Helper()
	for i, err := range n.Pool.Add(msgs, mempool.Origin{}) {
		if err != nil {
			n.t.Fatalf("message %d: %v", i, err)
		}
	}
}

// Mine makes a block of these messages on our tip, connects it, and publishes it.
func (n *Node) Mine(msgs ...*core.Message) *core.Block {
	n.t.Helper()
	b := n.MineQuietly(msgs...)
	if err := n.Gossip.PublishBlock(n.t.Context(), b); err != nil {
		n.t.Fatalf("publishing a block: %v", err)
	}
	return b
}

// MineQuietly is Mine without publishing.
func (n *Node) MineQuietly(msgs ...*core.Message) *core.Block {
	n.t.Helper()
	b := coretest.Next(n.t, n.Network, coretest.Tip(n.Chain.Tip()), msgs...)
	if taken, err := n.Chain.AddBlocks([]*core.Block{b}); taken != 1 {
		n.t.Fatalf("mining: %v", err)
	}
	return b
}

// Self implements exchange.Peers.
func (n *Node) Self() exchange.Hello {
	tip := n.Chain.Tip()
	return exchange.Hello{
		Genesis: n.Network.Genesis, Network: n.Network.Params.Name, Agent: "p2ptest",
		Tip: tip.Hash, Height: tip.Header.Height, Work: tip.Header.Work,
	}
}

// Offered implements exchange.Peers.
func (n *Node) Offered(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	return n.Gossip.Offered(ctx, p, ids)
}

// Greeted implements exchange.Peers.
func (n *Node) Greeted(peer.ID, exchange.Hello) {}

// Punish remembers the first reason for which a peer was to be punished, and does nothing.
func (n *Node) Punish(p peer.ID, why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.punished[p] == nil {
		n.punished[p] = why
	}
}

// Punished returns the first reason for which a peer was to be punished.
func (n *Node) Punished(p peer.ID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.punished[p]
}
