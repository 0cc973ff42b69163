package p2p

import (
	"context"
	"errors"

	"github.com/libp2p/go-libp2p/core/host"
	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/p2p/exchange"
)

// An Introducer is a host that only introduces peers of one network to each other: it has no chain,
// takes part in no topic, and says so in its hellos. It remembers who came, for an hour and within
// bounds, and answers requests for peers. Its methods are safe for concurrent use.
type Introducer struct {
	node *Node // without chain, syncer and gossip
}

// OpenIntroducer opens the host of an introducer. Of cfg it uses what concerns the host, hellos and
// requests; MaxPeers bounds its connections. Errors are those of Open.
func OpenIntroducer(n *core.Network, cfg Config) (*Introducer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	node := &Node{network: n, cfg: cfg, log: cfg.Log, bans: newBans(), table: newTable()}
	node.visits = newVisitors(introducerMost, introducerKeeps, cfg.Now)
	var err error
	if node.host, err = openHost(n, cfg, node.bans, node.table); err != nil {
		return nil, err
	}
	if node.client, err = exchange.NewClient(node.host, n, cfg.Exchange); err == nil {
		node.server, err = exchange.NewIntroducer(node.host, n, node, node.visits, cfg.Exchange)
	}
	if err == nil && cfg.NAT.RelayService {
		node.relay, err = openRelay(node.host, node.table)
	}
	if err != nil {
		return nil, errors.Join(err, node.Close())
	}
	return &Introducer{node: node}, nil
}

// Run answers until ctx ends and then returns nil. By then every goroutine that it started has ended.
func (i *Introducer) Run(ctx context.Context) error {
	defer i.node.going.stop()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return i.node.server.Run(ctx) })
	g.Go(func() error { return i.node.greetAll(ctx) })
	g.Go(func() error { return i.node.tellAddresses(ctx) })
	return g.Wait()
}

// Close closes the host with all connections. One that runs is stopped first, by the end of the
// context of Run.
func (i *Introducer) Close() error { return i.node.Close() }

// Host returns the libp2p host, for package bootstrap: mDNS, the DHT, and seeds.
func (i *Introducer) Host() host.Host { return i.node.host }

// ID returns the peer id.
func (i *Introducer) ID() string { return i.node.ID() }

// Addrs returns the multiaddrs under which peers may reach the introducer, each with /p2p/ and its id.
func (i *Introducer) Addrs() []string { return i.node.Addrs() }

// Peers returns the connected peers past hello, the longest connected first.
func (i *Introducer) Peers() []Peer { return i.node.Peers() }

// Known returns how many peers it can introduce now.
func (i *Introducer) Known() int { return i.node.visits.count() }
