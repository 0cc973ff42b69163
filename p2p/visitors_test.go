package p2p

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/p2p/exchange"
)

// A call is a connection from an address.
type call struct {
	network.Conn
	from string
}

func (l call) RemoteMultiaddr() ma.Multiaddr { return ma.StringCast(l.from) }

const (
	fromWorld, fromHome, fromHere = "/ip4/8.8.4.4/tcp/1", "/ip4/192.168.1.9/tcp/1", "/ip4/127.0.0.1/tcp/1"
	atWorld, atHome, atHere       = "/ip4/8.8.8.8/tcp/4001", "/ip4/192.168.1.7/tcp/4001", "/ip4/127.0.0.1/tcp/4001"
)

// identity returns the i-th key with its peer id.
func identity(t testing.TB, i int) (crypto.PrivKey, peer.ID) {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(i))
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

// recordsOf signs one record for each list.
func recordsOf(t testing.TB, i int, lists ...[]string) (out [exchange.OwnRecords]exchange.Record) {
	t.Helper()
	key, _ := identity(t, i)
	for k, list := range lists {
		var addrs []ma.Multiaddr
		for _, a := range list {
			addrs = append(addrs, ma.StringCast(a))
		}
		r, err := exchange.Sign(key, addrs, 1)
		if err != nil {
			t.Fatal(err)
		}
		out[k] = r
	}
	return out
}

// come lets peer i come from an address.
func (v *visitors) come(t testing.TB, i int, from string, lists ...[]string) {
	t.Helper()
	_, id := identity(t, i)
	v.note(id, []network.Conn{call{from: from}}, recordsOf(t, i, lists...))
}

// TestWhoMayHaveWhat hands private addresses only to those who are where these can be dialled.
func TestWhoMayHaveWhat(t *testing.T) {
	for _, tt := range []struct {
		name  string
		from  string
		lists [][]string
		want  [3]int // records for those who ask from this machine, from home, from the world
	}{
		{"a server of the world", fromWorld, [][]string{{atWorld}}, [3]int{1, 1, 1}},
		{"a server with private addresses, too", fromWorld, [][]string{{atWorld}, {atHome}}, [3]int{1, 1, 1}},
		{"a private address from far away", fromWorld, [][]string{{atHome}}, [3]int{0, 0, 0}},
		{"both in one", fromWorld, [][]string{{atWorld, atHome}}, [3]int{0, 0, 0}},
		{"a neighbour", fromHome, [][]string{{atHome}}, [3]int{1, 1, 0}},
		{"a neighbour that the world can reach", fromHome, [][]string{{atWorld}, {atHome}}, [3]int{2, 2, 1}},
		{"a neighbour's loopback", fromHome, [][]string{{atHere}}, [3]int{0, 0, 0}},
		{"a node on this machine", fromHere, [][]string{{atHere}}, [3]int{1, 0, 0}},
		{"one on this machine and the LAN", fromHere, [][]string{{atHome}}, [3]int{1, 1, 0}},
		{"through a relay at home", fromHome + "/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit", [][]string{{atHome}}, [3]int{0, 0, 0}},
		{"no record", fromWorld, nil, [3]int{0, 0, 0}},
	} {
		v := newVisitors(10, time.Hour, time.Now)
		v.come(t, 1, tt.from, tt.lists...)
		for realm, want := range tt.want {
			if got := v.Records("asker", exchange.Realm(realm), 9); len(got) != want {
				t.Errorf("%s, asked from realm %d: %d records, want %d", tt.name, realm, len(got), want)
			}
		}
		_, id := identity(t, 1)
		if got := v.Records(id, exchange.Machine, 9); len(got) != 0 {
			t.Errorf("%s: told of itself", tt.name)
		}
	}
}

// TestRecordsOfOthersAreIgnored keeps a peer from putting somebody else's addresses in its name.
func TestRecordsOfOthersAreIgnored(t *testing.T) {
	v := newVisitors(10, time.Hour, time.Now)
	_, id := identity(t, 1)
	damaged := recordsOf(t, 1, []string{atWorld})
	damaged[0] = damaged[0][:len(damaged[0])-1]
	for name, records := range map[string][exchange.OwnRecords]exchange.Record{
		"another's": recordsOf(t, 2, []string{atWorld}), "damaged": damaged,
	} {
		v.note(id, []network.Conn{call{from: fromWorld}}, records)
		if got := v.Records("asker", exchange.World, 9); len(got) != 0 {
			t.Errorf("%s: %d records", name, len(got))
		}
	}
}

// TestVisitorsAreForgotten keeps those who come back, and a newer record in place of the older.
func TestVisitorsAreForgotten(t *testing.T) {
	now := time.Unix(1e9, 0)
	v := newVisitors(10, time.Hour, func() time.Time { return now })
	v.come(t, 1, fromWorld, []string{atWorld})
	v.come(t, 2, fromWorld, []string{atWorld})
	now = now.Add(50 * time.Minute)
	v.come(t, 2, fromWorld, []string{atWorld})
	now = now.Add(20 * time.Minute)
	if got := v.Records("asker", exchange.World, 9); len(got) != 1 || got[0] != recordsOf(t, 2, []string{atWorld})[0] || v.count() != 1 {
		t.Errorf("%d records, %d visitors, want the one that came back", len(got), v.count())
	}
	v.come(t, 2, fromWorld, []string{"/ip4/9.9.9.9/tcp/1"})
	if got := v.Records("asker", exchange.World, 9); len(got) != 1 || got[0] != recordsOf(t, 2, []string{"/ip4/9.9.9.9/tcp/1"})[0] {
		t.Errorf("%d records, want the new address", len(got))
	}
	v.come(t, 2, fromWorld)
	if v.count() != 0 {
		t.Error("one that has no addresses any more is still told of")
	}
}

// TestVisitorsAreBounded holds one place to its share, and all of them to the bound.
func TestVisitorsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	v := newVisitors(50, time.Hour, func() time.Time { return now })
	for i := range 10 {
		v.come(t, i, fmt.Sprintf("/ip4/8.8.%d.4/tcp/1", i), []string{atWorld})
		now = now.Add(time.Second)
	}
	for i := range 100 {
		v.come(t, 100+i, fmt.Sprintf("/ip4/9.9.9.%d/tcp/1", i), []string{atWorld})
		now = now.Add(time.Second)
	}
	if want := 10 + visitorsPerPlace; v.count() != want {
		t.Errorf("%d visitors, want %d: one place pushed the others out, or took less than its share", v.count(), want)
	}
	told := v.Records("asker", exchange.World, exchange.MaxPeers)
	if len(told) != 2*toldPerPart { // all of 8.8.0.0/16 and 9.9.0.0/16 that one answer may have
		t.Errorf("%d records of two parts of the internet, want %d", len(told), 2*toldPerPart)
	}
	for i := range 100 {
		v.come(t, 300+i, fmt.Sprintf("/ip4/%d.1.1.1/tcp/1", 11+i), []string{atWorld})
		now = now.Add(time.Second)
	}
	if v.count() != 50 {
		t.Errorf("%d visitors, want 50", v.count())
	}
	if got := v.Records("asker", exchange.World, 7); len(got) != 7 {
		t.Errorf("%d records, want 7", len(got))
	}
}

// TestOwnRecords sorts own addresses, and signs again only what changed.
func TestOwnRecords(t *testing.T) {
	key, id := identity(t, 1)
	var own ownRecords
	get := func(texts ...string) (out []peer.AddrInfo) {
		var addrs []ma.Multiaddr
		for _, a := range texts {
			addrs = append(addrs, ma.StringCast(a))
		}
		before := own.get(key, addrs, nil)
		if own.get(key, addrs, nil) != before {
			t.Errorf("%v: signed again without need", texts)
		}
		for _, r := range before {
			if r == "" {
				continue
			}
			info, err := r.Open()
			if err != nil || info.ID != id {
				t.Fatalf("%v: %v, %v", texts, info, err)
			}
			out = append(out, info)
		}
		return out
	}
	if got := get(atHere, atWorld, atHome, "/ip6/fe80::1/tcp/1"); len(got) != 2 ||
		fmt.Sprint(got[0].Addrs, got[1].Addrs) != "["+atWorld+"] ["+atHome+"]" {
		t.Errorf("records %v", got)
	}
	if got := get(atHere); len(got) != 1 || fmt.Sprint(got[0].Addrs) != "["+atHere+"]" {
		t.Errorf("loopback alone: %v", got)
	}
	if got := get(); len(got) != 0 {
		t.Errorf("no addresses: %v", got)
	}
}
