package p2p

import (
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	"github.com/libp2p/go-libp2p/x/rate"

	"p2pchain/core"
	"p2pchain/p2p/exchange"
)

// connsPerAddress is how many connections one public IPv4 address, or the IPv6 block of one
// customer, may have. It bounds what one machine can take up, and still lets in a room full of nodes
// behind one router.
const connsPerAddress = 64

// newResources returns a resource manager with limits for a network and a number of peers. The
// addresses of a LAN and of this machine are free of the limits per address: the defaults of libp2p,
// 8 connections and a new one every 5 s, would cut off a room full of nodes.
func newResources(n *core.Network, maxPeers int, opts ...rcmgr.Option) (network.ResourceManager, error) {
	v4, v6 := homePrefixes()
	limits := rcmgr.NewFixedLimiter(resourceLimits(n, maxPeers))
	return rcmgr.NewResourceManager(limits, append(opts,
		rcmgr.WithNetworkPrefixLimit(noConnLimit(v4), noConnLimit(v6)),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: connsPerAddress}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: connsPerAddress}, {PrefixLength: 48, ConnCount: 4 * connsPerAddress}},
		),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: noRateLimit(append(v4, v6...)),
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 0.5, Burst: 2 * connsPerAddress}}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: 0.5, Burst: 2 * connsPerAddress}}},
				GracePeriod:      time.Minute,
			},
		}),
	)...)
}

// homePrefixes are the addresses of this machine and of private networks (RFC 1918, 4193, 6598,
// 3927, 4291).
func homePrefixes() (v4, v6 []netip.Prefix) {
	for _, s := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"} {
		v4 = append(v4, netip.MustParsePrefix(s))
	}
	for _, s := range []string{"::1/128", "fc00::/7", "fe80::/10"} {
		v6 = append(v6, netip.MustParsePrefix(s))
	}
	return v4, v6
}

func noConnLimit(prefixes []netip.Prefix) []rcmgr.NetworkPrefixLimit {
	var out []rcmgr.NetworkPrefixLimit
	for _, p := range prefixes {
		out = append(out, rcmgr.NetworkPrefixLimit{Network: p, ConnCount: math.MaxInt})
	}
	return out
}

func noRateLimit(prefixes []netip.Prefix) []rate.PrefixLimit {
	var out []rate.PrefixLimit
	for _, p := range prefixes {
		out = append(out, rate.PrefixLimit{Prefix: p}) // a zero limit is none
	}
	return out
}

// resourceLimits says how much of everything peers may use. What is not named here keeps the value
// that libp2p gives it for 1 GiB of memory.
func resourceLimits(n *core.Network, maxPeers int) rcmgr.ConcreteLimitConfig {
	defaults := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&defaults)
	block := rcmgr.LimitVal64(n.Params.MaxBlockBytes)
	conns := rcmgr.LimitVal(2*maxPeers + 64) // a peer may have two, and some are on their way out
	streams := rcmgr.LimitVal(64*maxPeers + 1024)
	partial := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns: 2 * conns, ConnsInbound: conns, ConnsOutbound: conns, FD: 2 * conns,
			Streams: 2 * streams, StreamsInbound: streams, StreamsOutbound: streams,
			Memory: 768<<20 + 32*block,
		},
		Transient: rcmgr.ResourceLimits{
			Conns: 2 * conns, ConnsInbound: conns, ConnsOutbound: conns, FD: 2 * conns,
		},
		PeerDefault:  rcmgr.ResourceLimits{Memory: 96<<20 + 8*block},
		Stream:       rcmgr.ResourceLimits{Memory: 8<<20 + 2*block},
		Protocol:     make(map[protocol.ID]rcmgr.ResourceLimits),
		ProtocolPeer: make(map[protocol.ID]rcmgr.ResourceLimits),
	}
	for id, l := range protocolLimits(n) {
		partial.ProtocolPeer[id] = l.limits(1)
		partial.Protocol[id] = l.limits(min(maxPeers, 32))
	}
	return partial.Build(defaults.Scale(1<<30, 1024))
}

// A protocolLimit is what one peer may have open of a protocol: streams in each direction, and the
// bytes that these hold.
type protocolLimit struct {
	streams int
	memory  int64
}

func (l protocolLimit) limits(peers int) rcmgr.ResourceLimits {
	streams := rcmgr.LimitVal(l.streams * peers)
	return rcmgr.ResourceLimits{
		StreamsInbound: streams, StreamsOutbound: streams, Streams: 2 * streams,
		Memory: rcmgr.LimitVal64(l.memory * int64(peers)),
	}
}

// dhtOf returns the protocol of the network's DHT, which package bootstrap speaks.
func dhtOf(n *core.Network) protocol.ID { return protocol.ID("/p2pchain/" + n.ID() + "/kad/1.0.0") }

// protocolLimits are those of the request protocols. A peer that asks more at a time is refused
// there and then; one that asks too often is answered later.
func protocolLimits(n *core.Network) map[protocol.ID]protocolLimit {
	block := int64(n.Params.MaxBlockBytes)
	ids := exchange.ProtocolsOf(n)
	return map[protocol.ID]protocolLimit{
		ids.Hello:    {4, 64 << 10},
		ids.Headers:  {4, 8 << 20},
		ids.Blocks:   {16, 32<<20 + 4*block},
		ids.Fill:     {8, 16<<20 + 2*block},
		ids.Leaves:   {4, 16<<20 + block},
		ids.Messages: {8, 32 << 20},
		ids.Mempool:  {4, 8 << 20},
		ids.Sketch:   {4, 12 << 20},
		ids.Offer:    {2, 256 << 10},
		ids.Vote:     {16, 4 << 20},
		ids.Peers:    {4, 512 << 10},
		dhtOf(n):     {16, 4 << 20},

		// Pubsub holds one stream open in each direction, and more for a moment after a broken line. It
		// reserves nothing: a frame of 256 KiB being read, one waiting for the loop.
		pubsub.GossipSubID_v11: {4, 2 << 20},
		pubsub.GossipSubID_v12: {4, 2 << 20},

		// libp2p has limits for all of its own protocols but these.
		autonatv2.DialProtocol:     {4, 64 << 10},
		autonatv2.DialBackProtocol: {4, 64 << 10},
	}
}
