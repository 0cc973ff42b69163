package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p-kbucket/peerdiversity"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
)

// kadLabA is the protocol of the DHT of the network labA.
const kadLabA protocol.ID = "/p2pchain/" + labA + "/kad/1.0.0"

// finders opens hosts with a DHT, all connected to the first one and to nobody else.
func finders(t *testing.T, networks ...string) (hosts []host.Host, all []*finder) {
	t.Helper()
	for i, id := range networks {
		h := newHost(t, loopback())
		cfg := DefaultConfig(id)
		hosts, all = append(hosts, h), append(all, newFinder(h, cfg, discard()))
		if i > 0 {
			if err := h.Connect(t.Context(), peer.AddrInfo{ID: hosts[0].ID(), Addrs: hosts[0].Addrs()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return hosts, all
}

// TestDHTFindsWhoAnnounced lets nodes of a LAN that know only one other announce themselves and find each
// other, and keeps those of another network out.
func TestDHTFindsWhoAnnounced(t *testing.T) {
	hosts, all := finders(t, labA, labA, labA, labB)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	var mu sync.Mutex // guards found
	found := make([][]peer.ID, len(all))
	for i, f := range all {
		running.Go(func() {
			f.run(ctx, func() bool { return false }, func(info peer.AddrInfo) {
				mu.Lock()
				defer mu.Unlock()
				if !slices.Contains(found[i], info.ID) {
					found[i] = append(found[i], info.ID)
				}
			})
		})
	}
	complete := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(found[0]) == 2 && len(found[1]) == 2 && len(found[2]) == 2
	}
	eventually(t, "each of the three has found the two others", complete)
	mu.Lock()
	if slices.Contains(slices.Concat(found[:3]...), hosts[3].ID()) || len(found[3]) > 0 || all[3].snapshot().Peers > 0 {
		t.Errorf("networks are mixed: %v", found)
	}
	mu.Unlock()
	if st := all[1].snapshot(); !st.Enabled || st.Peers == 0 || st.Found < 2 || st.Error != "" {
		t.Errorf("status %+v", st)
	}
	cancel()
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
	if protocols := hosts[0].Mux().Protocols(); slices.Contains(protocols, kadLabA) {
		t.Errorf("still served after the end: %v", protocols)
	}
}

// TestDHTAnnouncesNewAddresses announces a node again when its addresses change, and not without need.
func TestDHTAnnouncesNewAddresses(t *testing.T) {
	hosts, all := finders(t, labA, labA)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, f := range all {
		running.Go(func() { f.run(ctx, func() bool { return true }, func(peer.AddrInfo) {}) })
	}
	announced := func() int { return all[1].snapshot().Announced }
	eventually(t, "announced", func() bool { return announced() > 0 })
	before := announced()
	if err := hosts[1].Network().Listen(ma.StringCast("/ip4/127.0.0.1/udp/0/quic-v1")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "announced again", func() bool { return announced() > before })
	if n := all[0].snapshot().Announced; n > 1 {
		t.Errorf("the other one, whose addresses stay, was announced %d times", n)
	}
}

// TestDHTKeepsAnnouncementsOnly sends records to a server: one of the network's key, and one of another.
func TestDHTKeepsAnnouncementsOnly(t *testing.T) {
	hosts, all := finders(t, labA, labA)
	server, err := all[0].open()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := all[1].open()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	eventually(t, "the client knows the server", func() bool { return client.RoutingTable().Find(hosts[0].ID()) != "" })
	kept := make(map[string]func() int)
	for _, network := range []string{"anything", labA} { // what comes first is judged first
		key, err := networkKey(network)
		if err != nil {
			t.Fatal(err)
		}
		kept[network] = func() int {
			found, err := server.ProviderStore().GetProviders(t.Context(), key.Hash())
			if err != nil {
				t.Error(err)
			}
			return len(found)
		}
		_ = client.Provide(t.Context(), key, true) // what counts is what the server has then
	}
	eventually(t, "the announcement is kept", func() bool { return kept[labA]() == 1 })
	if n := kept["anything"](); n != 0 {
		t.Errorf("%d records of another key are kept", n)
	}
}

// A hidden host knows that nobody can reach it.
func TestDHTClientDoesNotServe(t *testing.T) {
	for name, tt := range map[string]struct {
		option libp2p.Option
		serves bool
	}{
		"nothing is known": {libp2p.UserAgent("x"), true}, "not reachable": {libp2p.ForceReachabilityPrivate(), false},
	} {
		h := newHost(t, loopback(), tt.option)
		d, err := newFinder(h, DefaultConfig(labA), discard()).open()
		if err != nil {
			t.Fatal(err)
		}
		serves := func() bool { return slices.Contains(h.Mux().Protocols(), kadLabA) }
		eventually(t, name+": it serves or not", func() bool { return serves() == tt.serves })
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A stubHost has one connection to every peer, to the same address.
type stubHost struct {
	host.Host
	addr string
}

type stubNet struct {
	network.Network
	addr string
}

type stubConn struct {
	network.Conn
	addr string
}

func (s stubHost) Network() network.Network          { return stubNet{addr: s.addr} }
func (s stubNet) ConnsToPeer(peer.ID) []network.Conn { return []network.Conn{stubConn{addr: s.addr}} }
func (s stubConn) RemoteMultiaddr() ma.Multiaddr     { return ma.StringCast(s.addr) }

// TestDHTPartsOfTheInternet bounds the servers of one public part, and those of a LAN not at all.
func TestDHTPartsOfTheInternet(t *testing.T) {
	for addr, want := range map[string]int{"/ip4/8.8.8.8/tcp/1": dhtPerBucket, "/ip4/10.1.1.1/tcp/1": 20} {
		filter := newPublicParts(stubHost{addr: addr})
		allowed := 0
		for i := range 20 {
			g := peerdiversity.PeerGroupInfo{Id: peer.ID(rune('a' + i)), Cpl: 0, IPGroupKey: "part"}
			if filter.Allow(g) {
				filter.Increment(g)
				allowed++
			}
		}
		if allowed != want {
			t.Errorf("%s: %d servers, want %d", addr, allowed, want)
		}
	}
}

// TestDHTSendsNobodyHome holds that an answer from the internet names no private address.
func TestDHTSendsNobodyHome(t *testing.T) {
	addrs := func(texts ...string) (out []ma.Multiaddr) {
		for _, text := range texts {
			out = append(out, ma.StringCast(text))
		}
		return out
	}
	const lan, router, loopback, public = "/ip4/192.168.1.7/tcp/1", "/ip4/192.168.1.1/tcp/22", "/ip6/::1/tcp/1", "/ip4/5.6.7.8/tcp/1"
	relayed := public + "/p2p/12D3KooWBsJQkW5r8uBT8VfKgWHFaUXNMzxWpLKHpaAoJsAnyw9J/p2p-circuit"
	for _, tt := range []struct {
		name                    string
		connected, answer, want []ma.Multiaddr
	}{
		{"on a LAN alone", addrs(lan, loopback), addrs(router, loopback, public), addrs(router, loopback, public)},
		{"on the internet", addrs(public), addrs(router, loopback, public, relayed), addrs(public, relayed)},
		{"on both", addrs(lan, public), addrs(router), nil},
		{"alone", nil, addrs(router), addrs(router)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := foundAt(tt.answer, tt.connected); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("foundAt = %v, want %v", got, tt.want)
			}
		})
	}
}
