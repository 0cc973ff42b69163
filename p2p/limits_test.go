package p2p

import (
	"net/netip"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/protocol/autonatv2"
	circuit "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/libp2p/go-libp2p/p2p/protocol/holepunch"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// TestHomeIsFree lets any number of nodes of one LAN, or of one machine, connect at once, while a
// public address has few.
func TestHomeIsFree(t *testing.T) {
	for _, tt := range []struct {
		ip   string
		want int
	}{
		{"192.168.7.7", 100}, {"10.1.2.3", 100}, {"172.31.0.1", 100}, {"169.254.1.1", 100}, {"100.64.0.9", 100},
		{"127.0.0.1", 100}, {"::1", 100}, {"fd00::1", 100}, {"fe80::1", 100},
		{"172.32.0.1", connsPerAddress}, {"8.8.8.8", connsPerAddress}, {"2001:db8::1", connsPerAddress},
	} {
		m, err := newResources(coretest.Network(t), 50)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		kind := "/ip4/"
		if netip.MustParseAddr(tt.ip).Is6() {
			kind = "/ip6/"
		}
		addr := ma.StringCast(kind + tt.ip + "/tcp/1")
		got := 0
		for range 100 {
			if _, err := m.OpenConnection(network.DirInbound, true, addr); err == nil {
				got++
			}
		}
		if got != tt.want {
			t.Errorf("%s: %d of 100 connections, want %d", tt.ip, got, tt.want)
		}
	}
}

// TestRoomBehindOneAddress lets in 25 nodes behind one router, each with two connections, and as many
// again when all of them restart.
func TestRoomBehindOneAddress(t *testing.T) {
	m, err := newResources(coretest.Network(t), 50)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for range 2 {
		var open []network.ConnManagementScope
		for i := range 50 {
			c, err := m.OpenConnection(network.DirInbound, true, ma.StringCast("/ip4/8.8.8.8/tcp/1"))
			if err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
			open = append(open, c)
		}
		for _, c := range open {
			c.Done()
		}
	}
}

// TestNoLimitIsZero holds that every protocol has limits of its own, none of which blocks it, and
// that the largest answers fit.
func TestNoLimitIsZero(t *testing.T) {
	n := coretest.Network(t, func(p *core.Params) { p.MaxBlockBytes = 33554432 })
	limits := resourceLimits(n, 1).ToPartialLimitConfig()
	ids := exchange.ProtocolsOf(n)
	for _, id := range []protocol.ID{ids.Hello, ids.Headers, ids.Blocks, ids.Fill, ids.Leaves, ids.Messages, ids.Mempool, ids.Sketch, ids.Offer, ids.Vote, ids.Peers,
		dhtOf(n), circuit.ProtoIDv2Hop, circuit.ProtoIDv2Stop, holepunch.Protocol, autonatv2.DialProtocol, autonatv2.DialBackProtocol} {
		for what, all := range map[string]map[protocol.ID]rcmgr.ResourceLimits{"all": limits.Protocol, "one peer": limits.ProtocolPeer} {
			if l, ok := all[id]; !ok || blocked(l) {
				t.Errorf("%s of %s: %+v", id, what, l)
			}
		}
	}
	for name, l := range map[string]rcmgr.ResourceLimits{
		"system": limits.System, "transient": limits.Transient, "peer": limits.PeerDefault, "other protocols": limits.ProtocolDefault,
	} {
		if blocked(l) {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if limits.System.Conns < 2 || limits.Conn.Conns != 1 || limits.Stream.Streams != 1 {
		t.Errorf("connections %v, of a connection %v, streams of a stream %v", limits.System.Conns, limits.Conn.Conns, limits.Stream.Streams)
	}
	if int64(limits.Stream.Memory) < int64(n.Params.MaxBlockBytes) || limits.ProtocolPeer[ids.Blocks].Memory < limits.Stream.Memory {
		t.Errorf("a block of %d bytes does not fit", n.Params.MaxBlockBytes)
	}
}

// blocked reports whether limits let no stream through. In the form for people, a limit of zero is
// BlockAllLimit.
func blocked(l rcmgr.ResourceLimits) bool {
	return l.Streams <= 0 || l.StreamsInbound <= 0 || l.StreamsOutbound <= 0 || l.Memory <= 0
}
