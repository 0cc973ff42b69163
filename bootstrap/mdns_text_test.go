package bootstrap

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func addrs(texts ...string) (all []ma.Multiaddr) {
	for _, s := range texts {
		all = append(all, ma.StringCast(s))
	}
	return all
}

func TestAnnouncement(t *testing.T) {
	_, id := newKey(t)
	a, err := announcementOf(id, addrs(
		"/ip4/127.0.0.1/tcp/7",
		"/ip6/fe80::1/tcp/7",
		"/ip6/2001:db8::1/tcp/7",
		"/ip4/10.0.0.1/tcp/8/ws",
		"/ip4/10.0.0.1/tcp/7",
		"/ip4/10.0.0.1/udp/9/quic-v1",
		"/dns4/a.example/tcp/7",
		"/dns4/"+strings.Repeat("a", 240)+"/tcp/7",
	))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/ip4/10.0.0.1/tcp/7", "/ip4/10.0.0.1/udp/9/quic-v1", "/ip6/2001:db8::1/tcp/7", "/ip4/10.0.0.1/tcp/8/ws"}
	for i, w := range want {
		want[i] = w + "/p2p/" + id.String()
	}
	if !slices.Equal(a.addrs, want) {
		t.Errorf("announces %q, want %q", a.addrs, want)
	}
	if a.port != 7 || !slices.Equal(a.ips, []string{"10.0.0.1", "2001:db8::1"}) {
		t.Errorf("port %d at %q", a.port, a.ips)
	}
	info, ok := announcedPeer(a.texts)
	if !ok || info.ID != id || len(info.Addrs) != len(want) {
		t.Errorf("read back as %v, %v", info, ok)
	}

	if a, err := announcementOf(id, addrs("/ip4/127.0.0.1/tcp/7")); err != nil || len(a.texts) != 1 {
		t.Errorf("a node on loopback only announces %v, %v", a.texts, err)
	}
	if _, err := announcementOf(id, nil); err != errNothingToAnnounce {
		t.Errorf("without addresses: %v", err)
	}
}

func TestAnnouncementFitsOnePacket(t *testing.T) {
	_, id := newKey(t)
	var many []ma.Multiaddr
	for i := range 100 {
		many = append(many, ma.StringCast(fmt.Sprintf("/ip6/2001:db8:1111:2222:3333:4444:5555:%x/udp/40001/quic-v1", 0x1000+i)))
	}
	a, err := announcementOf(id, many)
	if size := len(strings.Join(a.texts, " ")); err != nil || size < maxTXTBytes/2 || size > maxTXTBytes {
		t.Errorf("%d bytes in %d texts, %v", size, len(a.texts), err)
	}
}

func TestAnnouncedPeerRefuses(t *testing.T) {
	_, id := newKey(t)
	_, other := newKey(t)
	own := "/p2p/" + id.String()
	good := "dnsaddr=/ip4/10.0.0.1/tcp/7" + own
	for _, tt := range []struct {
		name  string
		texts []string
		want  int // addresses
	}{
		{"one", []string{good}, 1},
		{"twice the same", []string{good, good}, 1},
		{"two peers", []string{good, "dnsaddr=/ip4/10.0.0.1/tcp/7/p2p/" + other.String()}, 0},
		{"nothing", nil, 0},
		{"no prefix", []string{good[8:]}, 0},
		{"no peer id", []string{"dnsaddr=/ip4/10.0.0.1/tcp/7"}, 0},
		{"a name to look up", []string{"dnsaddr=/dns4/victim.example/tcp/7" + own}, 0},
		{"a relay", []string{"dnsaddr=/ip4/10.0.0.1/tcp/7/p2p/" + other.String() + "/p2p-circuit" + own}, 0},
		{"link-local", []string{"dnsaddr=/ip6/fe80::1/tcp/7" + own}, 0},
		{"multicast", []string{"dnsaddr=/ip4/224.0.0.251/udp/5353/quic-v1" + own}, 0},
		{"loopback beside others", []string{"dnsaddr=/ip4/127.0.0.1/tcp/7" + own, good}, 1},
		{"loopback alone", []string{"dnsaddr=/ip4/127.0.0.1/tcp/7" + own}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info, ok := announcedPeer(tt.texts)
			if ok != (tt.want > 0) || len(info.Addrs) != tt.want {
				t.Errorf("announcedPeer = %v, %v, want %d addresses", info, ok, tt.want)
			}
		})
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("dnsaddr=/ip4/10.0.0.1/tcp/%d%s", i+1, own))
	}
	if info, _ := announcedPeer(many); len(info.Addrs) != maxAddrs {
		t.Errorf("%d addresses were taken, want %d", len(info.Addrs), maxAddrs)
	}
}

func FuzzAnnouncedPeer(f *testing.F) {
	_, id := newKey(f)
	f.Add("dnsaddr=/ip4/10.0.0.1/tcp/7/p2p/"+id.String(), "dnsaddr=/ip6/::1/udp/7/quic-v1/p2p/"+id.String())
	f.Add("", "dnsaddr=/ip6zone/x/ip6/fe80::1/tcp/1/p2p/"+id.String())
	f.Fuzz(func(t *testing.T, a, b string) {
		info, ok := announcedPeer([]string{a, b})
		if !ok {
			return
		}
		if info.ID == "" || len(info.Addrs) == 0 || len(info.Addrs) > 2 {
			t.Errorf("took %v", info)
		}
		for _, addr := range info.Addrs {
			if _, owner := peer.SplitAddr(addr); checkIPAddr(addr) != nil || owner != "" {
				t.Errorf("took %v", addr)
			}
		}
		// What was taken can be kept.
		if _, err := (Entry{ID: info.ID, Addrs: info.Addrs}).MarshalBinary(); err != nil {
			t.Error(err)
		}
	})
}
