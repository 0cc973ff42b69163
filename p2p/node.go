package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/filler"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// A Node joins a chain and a pool of waiting messages to their peers. Its methods are safe for
// concurrent use.
type Node struct {
	network *core.Network
	chain   *chain.Chain
	cfg     Config
	log     *slog.Logger

	host    host.Host
	bans    *bans
	table   *Table
	foreign foreigners
	reach   atomic.Value // a Reachability
	going   closings

	watched   sync.Mutex // guards watchdogs
	watchdogs Watchdogs

	records ownRecords
	visits  *visitors
	relay   *relay.Relay // nil: off
	client  *exchange.Client
	server  *exchange.Server
	syncer  *syncer.Syncer
	filler  *filler.Filler // nil: off
	gossip  *gossip.Gossip
}

// Open opens the host and its sockets: from here on peers can connect, but nobody is answered
// before Run. Errors wrap ErrListen, ErrBadAddress, or name the field that cannot be used.
func Open(n *core.Network, c *chain.Chain, pool *mempool.Pool, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	node := &Node{network: n, chain: c, cfg: cfg, log: cfg.Log, bans: newBans(), table: newTable()}
	node.visits = newVisitors(memberMost, memberKeeps, cfg.Now)
	var err error
	if node.host, err = openHost(n, cfg, node.bans, node.table); err != nil {
		return nil, err
	}
	err = node.build(pool)
	if err == nil && cfg.NAT.RelayService {
		node.relay, err = openRelay(node.host, node.table)
	}
	if err != nil {
		return nil, errors.Join(err, node.Close())
	}
	return node, nil
}

// build makes the parts, none of which starts anything.
func (n *Node) build(pool *mempool.Pool) (err error) {
	if n.client, err = exchange.NewClient(n.host, n.network, n.cfg.Exchange); err != nil {
		return err
	}
	if n.server, err = exchange.NewServer(n.host, n.network, n.chain, pool, n, n.cfg.Exchange); err != nil {
		return err
	}
	n.server.ServePeers(n.visits)
	if n.syncer, err = syncer.New(n.chain, n.client, n, n.cfg.Syncer); err != nil {
		return err
	}
	if n.cfg.Bodies != nil {
		if n.filler, err = filler.New(n.cfg.Bodies, n.client, fillPeers{n}, n.cfg.Filler); err != nil {
			return err
		}
	}
	n.cfg.Gossip.Score = n.bans.score
	n.gossip, err = gossip.New(n.host, n.network, n.chain, pool, n.client, n.syncer, n, n.cfg.Gossip)
	return err
}

// Close closes the host with all connections. A node that runs is stopped first, by the end of the
// context of Run.
func (n *Node) Close() error {
	var err error
	if n.relay != nil {
		err = n.relay.Close()
	}
	return errors.Join(err, n.host.Close())
}

// Run runs all parts until ctx ends and then returns nil; any other end is an error. By the time it
// returns, every goroutine it started has ended.
func (n *Node) Run(ctx context.Context) error {
	defer n.going.stop()
	g, ctx := errgroup.WithContext(ctx)
	run := func(name string, f func(context.Context) error) {
		g.Go(func() error {
			err := f(ctx)
			if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return fmt.Errorf("%s: %w", name, err)
		})
	}
	run("exchange", n.server.Run)
	run("syncer", n.syncer.Run)
	if n.filler != nil {
		run("filler", n.filler.Run)
	}
	run("gossip", n.gossip.Run)
	run("peers", n.greetAll)
	run("addresses", n.tellAddresses)
	run("watch", n.watch)
	run("watchdog", n.watchPeers)
	run("reachability", n.watchReach)
	return g.Wait()
}

// watch tells syncer and gossip of every peer that comes or goes, and the syncer of every newer claim.
// So a peer that claims more work is noticed within HelloEvery, whatever gossip loses.
func (n *Node) watch(ctx context.Context) error {
	changed, stop := n.table.Subscribe()
	defer stop()
	known := make(map[peer.ID]acquaintance)
	for {
		now := make(map[peer.ID]acquaintance)
		for _, r := range n.table.Ready() {
			now[r.ID] = acquaintance{r.Session, claimOf(&r.Hello)}
		}
		for p, old := range known {
			if now[p].session != old.session {
				n.syncer.PeerDown(p)
				n.gossip.PeerDown(p)
			}
		}
		for p, a := range now {
			if a != known[p] {
				n.syncer.PeerUp(p, a.claim)
			}
			if a.session != known[p].session {
				n.gossip.PeerUp(p)
			}
		}
		known = now
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// fillPeers is the table of peers as the filler sees it.
type fillPeers struct{ *Node }

// Ready returns the peers past hello.
func (p fillPeers) Ready() []exchange.Remote { return p.table.Ready() }

// claimOf returns what a hello says of the peer's chain.
func claimOf(h *exchange.Hello) syncer.Claim {
	return syncer.Claim{Tip: h.Tip, Height: h.Height, Work: h.Work, LowestFull: h.LowestFull}
}

// An acquaintance is what syncer and gossip were told of a peer.
type acquaintance struct {
	session uint64
	claim   syncer.Claim
}

// Host returns the libp2p host, for those who look for peers.
func (n *Node) Host() host.Host { return n.host }

// ID returns our peer id.
func (n *Node) ID() string { return n.host.ID().String() }

// Addrs returns the multiaddrs under which peers may reach us, each with /p2p/ and our id.
func (n *Node) Addrs() []string {
	var out []string
	for _, addr := range n.host.Addrs() {
		out = append(out, addr.String()+"/p2p/"+n.ID())
	}
	return out
}

// PublishBlock tells the peers of a block that was sealed here.
func (n *Node) PublishBlock(ctx context.Context, b *core.Block) error {
	return n.gossip.PublishBlock(ctx, b)
}

// Gossip returns the counters of the topics.
func (n *Node) Gossip() gossip.Stats { return n.gossip.Stats() }

// Sync returns how far the sync is.
func (n *Node) Sync() syncer.Status { return n.syncer.Status() }

// letGo closes the connections to a peer after a while, apart from the caller.
func (n *Node) letGo(p peer.ID, wait time.Duration) { n.going.add(p, wait, func() { n.close(p) }) }
