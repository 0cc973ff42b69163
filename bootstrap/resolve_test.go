package bootstrap

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
)

func texts(addrs []ma.Multiaddr) (s []string) {
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return s
}

func TestAPIAddresses(t *testing.T) {
	_, id := newKey(t)
	_, other := newKey(t)
	own := "/p2p/" + id.String()
	for _, tt := range []struct {
		name string
		ip   string // where the API answered
		said []string
		want []string
	}{
		{"far node with a reachable address", "192.0.2.7",
			[]string{"/ip4/127.0.0.1/tcp/1" + own, "/ip4/192.0.2.7/tcp/1" + own},
			[]string{"/ip4/192.0.2.7/tcp/1"}},
		{"far node on loopback only", "192.0.2.7",
			[]string{"/ip4/127.0.0.1/tcp/1" + own, "/ip6/::1/tcp/1" + own}, nil},
		{"near node on loopback only", "127.0.0.1",
			[]string{"/ip4/127.0.0.1/tcp/1" + own, "/ip6/::1/tcp/1" + own},
			[]string{"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"}},
		{"unspecified", "192.0.2.7",
			[]string{"/ip4/0.0.0.0/tcp/1" + own, "/ip6/::/tcp/1" + own},
			[]string{"/ip4/192.0.2.7/tcp/1"}},
		{"behind a forwarded port", "192.0.2.7",
			[]string{"/ip4/172.17.0.2/tcp/1" + own, "/ip4/172.17.0.2/udp/1/quic-v1" + own},
			[]string{"/ip4/172.17.0.2/tcp/1", "/ip4/172.17.0.2/udp/1/quic-v1",
				"/ip4/192.0.2.7/tcp/1", "/ip4/192.0.2.7/udp/1/quic-v1"}},
		{"through a tunnel on loopback", "127.0.0.1",
			[]string{"/ip4/10.0.0.2/tcp/1" + own}, []string{"/ip4/10.0.0.2/tcp/1"}},
		{"others and nonsense are skipped", "192.0.2.7",
			[]string{"/ip4/192.0.2.7/tcp/9/p2p/" + other.String(), "/what/is/this", "", "/ip4/192.0.2.7/tcp/0",
				"/dns4/a.example/tcp/1" + own},
			[]string{"/dns4/a.example/tcp/1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info, err := apiNode{PeerID: id.String(), Addresses: tt.said}.info(net.ParseIP(tt.ip))
			if (err != nil) != (tt.want == nil) {
				t.Fatalf("error %v", err)
			}
			if got := texts(info.Addrs); !slices.Equal(got, tt.want) {
				t.Errorf("addresses %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAPIAnswersThatAreRefused(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("followed a redirect to another host")
	}))
	t.Cleanup(elsewhere.Close)
	for _, tt := range []struct {
		name, path, body, says string
	}{
		{"no such page", "/none", "", "404"},
		{"not JSON", "/page", "<html>", "is that a node's API?"},
		{"no peer id", "/page", `{"addresses":[]}`, `peer_id ""`},
		{"no address", "/page", `{"peer_id":"12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo"}`, "none of the 0 addresses"},
		{"too long", "/page", strings.Repeat(" ", maxAnswerBytes+1), "more than 65536 bytes"},
		{"other host", "/away", "", "redirect to another host"},
		{"redirects for ever", "/loop", "", "redirects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.HandleFunc("/page/api/v1/node", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(tt.body)) })
			mux.Handle("/away/", http.RedirectHandler(strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusFound))
			mux.Handle("/loop/", http.RedirectHandler("/loop/again", http.StatusFound))
			api := httptest.NewServer(mux)
			defer api.Close()
			_, err := newResolver().resolve(t.Context(), mustSeed(t, api.URL+tt.path))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v does not say %q", err, tt.says)
			}
		})
	}
}

func TestAPIRedirectOnTheSameHost(t *testing.T) {
	_, id := newKey(t)
	mux := http.NewServeMux()
	mux.Handle("/api/v1/node", http.RedirectHandler("/there", http.StatusFound))
	mux.HandleFunc("/there", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte(`{"peer_id":"` + id.String() + `","addresses":["/ip4/127.0.0.1/tcp/1/p2p/` + id.String() + `"]}`))
	})
	api := httptest.NewServer(mux)
	t.Cleanup(api.Close)
	infos, err := newResolver().resolve(t.Context(), mustSeed(t, api.URL))
	if err != nil || len(infos) != 1 || infos[0].ID != id {
		t.Errorf("resolve = %v, %v", infos, err)
	}
}

func TestDNSAddr(t *testing.T) {
	ids := newIDs(t, 2)
	dns := &madns.MockResolver{TXT: map[string][]string{
		"_dnsaddr.example.org": {
			"dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/" + ids[0].String(),
			"dnsaddr=/dnsaddr/more.example.org",
			"dnsaddr=/ip4/192.0.2.9/tcp/1", // no peer id
			"v=spf1 -all",
		},
		"_dnsaddr.more.example.org": {
			"dnsaddr=/ip4/192.0.2.2/tcp/1/p2p/" + ids[1].String(),
			"dnsaddr=/ip4/192.0.2.3/tcp/1/p2p/" + ids[0].String(),
		},
		"_dnsaddr.loop.example.org": {"dnsaddr=/dnsaddr/loop.example.org"},
	}}
	lookups := &countingResolver{BasicResolver: dns}
	var err error
	r := newResolver()
	if r.dns, err = madns.NewResolver(madns.WithDefaultResolver(lookups)); err != nil {
		t.Fatal(err)
	}
	resolve := func(text string) ([]peer.AddrInfo, error) { return r.resolve(t.Context(), mustSeed(t, text)) }

	infos, err := resolve("/dnsaddr/example.org")
	if err != nil || len(infos) != 2 || infos[0].ID != ids[0] || infos[1].ID != ids[1] ||
		!slices.Equal(texts(infos[0].Addrs), []string{"/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.3/tcp/1"}) {
		t.Errorf("resolve = %v, %v", infos, err)
	}
	infos, err = resolve("/dnsaddr/more.example.org/p2p/" + ids[1].String())
	if err != nil || len(infos) != 1 || infos[0].ID != ids[1] {
		t.Errorf("resolve with a peer id = %v, %v", infos, err)
	}
	lookups.n = 0
	for _, name := range []string{"loop", "nothing"} {
		if infos, err = resolve("/dnsaddr/" + name + ".example.org"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("resolve(%s) = %v, %v", name, infos, err)
		}
	}
	if lookups.n > 2*maxDNSDepth {
		t.Errorf("%d lookups", lookups.n)
	}
}

// A countingResolver counts lookups of TXT records.
type countingResolver struct {
	madns.BasicResolver
	n int
}

func (c *countingResolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	c.n++
	return c.BasicResolver.LookupTXT(ctx, name)
}
