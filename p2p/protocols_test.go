package p2p

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// TestEveryProtocolHasALimit looks at all that a node serves with every setting on, libp2p's own
// protocols included. What is new must be given a limit before it is served.
func TestEveryProtocolHasALimit(t *testing.T) {
	n := coretest.Network(t)
	partial := resourceLimits(n, 50).ToPartialLimitConfig()
	all := rcmgr.DefaultLimits // a private copy
	libp2p.SetDefaultServiceLimits(&all)
	named := all.Scale(1<<30, 1024).ToPartialLimitConfig()
	cfg := DefaultConfig()
	key, err := crypto.UnmarshalEd25519PrivateKey(coretest.Key(1))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Key, cfg.Listen, cfg.Log = key, []string{"/ip4/127.0.0.1/tcp/0"}, slog.New(slog.DiscardHandler)
	cfg.NAT = NATConfig{HolePunch: true, AutoNAT: true, RelayClient: true, RelayService: true}
	s, err := store.Open("store", n, store.Options{FS: vfs.NewMem(), OnFatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := chain.Open(n, s, chain.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	pool, err := mempool.Open(n, c, s, mempool.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	node, err := Open(n, c, pool, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	served := func() []protocol.ID { return node.Host().Mux().Protocols() }
	ours := func(id protocol.ID) bool {
		own, ok := partial.ProtocolPeer[id]
		return ok && !blocked(own) && own.StreamsInbound <= 64 && own.Memory <= 128<<20
	}
	// Gossip and what answers requests begin side by side.
	begun := func() bool {
		all := served()
		return slices.Contains(all, pubsub.GossipSubID_v12) && len(slices.DeleteFunc(all, func(id protocol.ID) bool { return !ours(id) })) >= 12
	}
	for deadline := time.Now().Add(20 * time.Second); !begun(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gossip and 12 protocols of ours are not served: %v", served())
		}
	}
	for _, id := range served() {
		if l, ok := named.ProtocolPeer[id]; !ours(id) && (!ok || blocked(l)) {
			t.Errorf("%s has no limit for a peer", id)
		}
	}
	cancel()
	if err := errors.Join(<-ended, node.Close()); err != nil {
		t.Error(err)
	}
}
