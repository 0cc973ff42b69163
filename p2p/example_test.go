package p2p_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
	"p2pchain/p2p"
)

// open opens a node of the test network on loopback.
func open(network *core.Network, disk *store.Store, i int) (*p2p.Node, error) {
	best, err := chain.Open(network, disk, chain.DefaultConfig())
	if err != nil {
		return nil, err
	}
	pool, err := mempool.Open(network, best, disk, mempool.DefaultConfig())
	if err != nil {
		return nil, err
	}
	cfg := p2p.DefaultConfig()
	cfg.Listen, cfg.Agent, cfg.Log = []string{tcpLoopback}, "example", slog.New(slog.DiscardHandler)
	cfg.Exchange.Log, cfg.Syncer.Log, cfg.Gossip.Log = cfg.Log, cfg.Log, cfg.Log
	if cfg.Key, err = crypto.UnmarshalEd25519PrivateKey(coretest.Key(i)); err != nil {
		return nil, err
	}
	return p2p.Open(network, best, pool, cfg)
}

// Two nodes on one machine say hello to each other. Connect returns when they have.
func Example() {
	params, _ := core.Builtin("test")
	network, _ := core.NewNetwork(params)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var running sync.WaitGroup
	var nodes []*p2p.Node
	for i := range 2 {
		disk, err := store.Open("store", network, store.Options{FS: vfs.NewMem()})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer disk.Close()
		n, err := open(network, disk, i)
		if err != nil {
			fmt.Println(err)
			return
		}
		running.Go(func() {
			if err := n.Run(ctx); err != nil {
				fmt.Println(err)
			}
		})
		nodes = append(nodes, n)
	}

	if err := nodes[0].Connect(ctx, nodes[1].Addrs()[0]); err != nil {
		fmt.Println(err)
	}
	for _, p := range nodes[0].Peers() {
		fmt.Println(p.ID == nodes[1].ID(), p.Agent)
	}

	stop()
	running.Wait()
	for _, n := range nodes {
		if err := n.Close(); err != nil {
			fmt.Println(err)
		}
	}
	// Output: true example
}
