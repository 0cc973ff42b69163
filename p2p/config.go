package p2p

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"

	"p2pchain/p2p/exchange"
	"p2pchain/p2p/filler"
	"p2pchain/p2p/gossip"
	"p2pchain/p2p/syncer"
)

// Config holds what a node may choose about its peers.
type Config struct {
	Key      crypto.PrivKey // Ed25519; see LoadIdentity
	Listen   []string       // multiaddrs; every one of them must work
	Announce []string       // multiaddrs that peers are told besides those that the host sees itself
	MaxPeers int            // above this, the connections that matter least are closed
	Agent    string         // software and version, printable ASCII, at most 128 characters
	NAT      NATConfig      // what to do where the node cannot be reached directly

	HelloEvery time.Duration // between two hellos to a peer, which keep its tip and clock fresh
	// GossipGrace is how long a peer past hello may take no part in the topics before it is let go. For as
	// long the node may be alone, or behind what its peers claim, before it says so and asks them again.
	GossipGrace time.Duration

	// Gate, if set, says with whom the node may have connections at all. It may change its mind at any time:
	// that ends no connection, and lets none begin.
	Gate func(peer.ID) bool

	// Bodies says which bodies of messages are missing here, and takes them in; nil: none is ever missing.
	Bodies filler.Store

	Exchange exchange.Config
	Filler   filler.Config
	Syncer   syncer.Config
	Gossip   gossip.Config
	Now      func() time.Time // the clock that peers are told
	Log      *slog.Logger
	Metrics  prometheus.Registerer // takes what libp2p counts; nil: it does not

	// HostOptions are added to the host's: tests replace the transports by simulated ones.
	HostOptions []libp2p.Option
}

// NATConfig turns on what helps nodes behind routers. All of it is off by default: most of it needs
// the internet, and some of it lets others use this machine. Any node can dial one that is reachable
// through a relay, whatever is set here.
type NATConfig struct {
	PortMap   bool // ask the router to forward our ports (UPnP, NAT-PMP)
	HolePunch bool // turn connections through a relay into direct ones, where both sides have this
	AutoNAT   bool // let peers find out which of our addresses work, and do so for them (AutoNAT v2)

	// RelayClient makes the node reachable through relays among its peers, as long as it is not known
	// to be reachable directly.
	RelayClient bool
	// RelayService relays connections between members of the network.
	RelayService bool
}

// DefaultConfig returns the limits that docs/protocol.md names, without a key and without addresses.
func DefaultConfig() Config {
	return Config{
		MaxPeers:    50,
		Agent:       "p2pchain",
		HelloEvery:  30 * time.Second,
		GossipGrace: time.Minute,
		Exchange:    exchange.DefaultConfig(),
		Filler:      filler.DefaultConfig(),
		Syncer:      syncer.DefaultConfig(),
		Gossip:      gossip.DefaultConfig(),
		Now:         time.Now,
		Log:         slog.Default(),
	}
}

// Validate names every field that cannot be used. A multiaddr that is none wraps ErrBadAddress.
func (c *Config) Validate() error {
	errs := []error{c.Exchange.Validate(), c.Filler.Validate(), c.Syncer.Validate(), c.Gossip.Validate()}
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("p2p: "+format, args...)) }
	if c.Key == nil || c.Key.Type() != crypto.Ed25519 {
		bad("Key is not an Ed25519 key")
	}
	for _, addr := range c.Listen {
		if _, err := ma.NewMultiaddr(addr); err != nil {
			bad("listen address %q: %w: %w", addr, ErrBadAddress, err)
		}
	}
	for _, addr := range c.Announce {
		if _, err := ma.NewMultiaddr(addr); err != nil {
			bad("announced address %q: %w: %w", addr, ErrBadAddress, err)
		}
	}
	if c.MaxPeers < 1 || c.MaxPeers > 10000 {
		bad("MaxPeers is %d, want 1 to 10000", c.MaxPeers)
	}
	if !exchange.ValidAgent(c.Agent) {
		bad("Agent %q, want at most 128 printable ASCII characters", c.Agent)
	}
	if c.HelloEvery < time.Second {
		bad("HelloEvery is %v, want at least 1s", c.HelloEvery)
	}
	if c.GossipGrace < time.Second {
		bad("GossipGrace is %v, want at least 1s", c.GossipGrace)
	}
	if c.Now == nil || c.Log == nil {
		bad("Now or Log is not set")
	}
	return errors.Join(errs...)
}
