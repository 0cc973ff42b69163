package bootstrap

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
)

// mockPair makes two hosts that can reach each other, inside a synctest bubble.
func mockPair(t *testing.T) (net mocknet.Mocknet, a, b host.Host) {
	t.Helper()
	net = mocknet.New()
	t.Cleanup(func() { net.Close() })
	hosts := make([]host.Host, 2)
	for i := range hosts {
		h, err := net.GenPeer()
		if err != nil {
			t.Fatal(err)
		}
		ping.NewPingService(h)
		hosts[i] = h
	}
	if err := net.LinkAll(); err != nil {
		t.Fatal(err)
	}
	return net, hosts[0], hosts[1]
}

func seedFor(t testing.TB, h host.Host) Seed {
	t.Helper()
	return mustSeed(t, h.Addrs()[0].String()+"/p2p/"+h.ID().String())
}

func TestSilentPeerIsClosedAndDialledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := mockPair(t)
		run(t, a, &MemoryBook{}, discard(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(62 * time.Second) // between two pings
		if !connected(a, b.ID()) {
			t.Fatal("a peer that answers pings is not connected")
		}

		// The link is cut: what is sent never arrives, and nothing new can be dialled.
		for _, link := range net.LinksBetweenPeers(a.ID(), b.ID()) {
			link.SetOptions(mocknet.LinkOptions{Latency: 1000 * time.Hour})
		}
		if err := net.UnlinkPeers(a.ID(), b.ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second + 10*time.Second + time.Second)
		if connected(a, b.ID()) {
			t.Fatal("a silent peer is still connected after one ping interval and one ping timeout")
		}

		time.Sleep(time.Hour)
		if _, err := net.LinkPeers(a.ID(), b.ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(75 * time.Second)
		if !connected(a, b.ID()) {
			t.Error("not connected again although the link is back for longer than the longest retry")
		}
	})
}

func TestPeerWithoutPingStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := mockPair(t)
		b.RemoveStreamHandler(ping.ID)
		run(t, a, &MemoryBook{}, discard(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(time.Second)
		conns := a.Network().ConnsToPeer(b.ID())
		time.Sleep(time.Minute)
		if got := a.Network().ConnsToPeer(b.ID()); len(conns) != 1 || len(got) != 1 || got[0] != conns[0] {
			t.Errorf("connection %v became %v", conns, got)
		}
	})
}

// A node of another network accepts the connection and ends it after its hello.
func TestPeerThatHangsUpIsNotHammered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := mockPair(t)
		var mu sync.Mutex
		calls := 0
		b.Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) {
			mu.Lock()
			calls++
			mu.Unlock()
			go c.Close()
		}})
		boot, _ := run(t, a, &MemoryBook{}, discard(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if calls < 8 || calls > 20 {
			t.Errorf("dialled %d times in 10 minutes, want about 14", calls)
		}
		if st := boot.Status().Seeds[0]; st.Connected || !strings.Contains(st.LastError, "connection ended") {
			t.Errorf("status %+v", st)
		}
	})
}

func TestUnreachableSeedIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, a, b := mockPair(t)
		if err := net.UnlinkPeers(a.ID(), b.ID()); err != nil {
			t.Fatal(err)
		}
		var log logBuffer
		boot, _ := run(t, a, &MemoryBook{}, log.logger(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(time.Hour)
		if n := log.count("seed unreachable"); n != 1 {
			t.Errorf("%d lines in an hour", n)
		}
		if st := boot.Status().Seeds[0]; st.Failures < 50 || st.LastError == "" || st.NextTry.IsZero() {
			t.Errorf("status %+v", st)
		}
		if _, err := net.LinkPeers(a.ID(), b.ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if st := boot.Status(); log.count("seed connected") != 1 || !st.Seeds[0].Connected || st.Connected != 1 {
			t.Errorf("%d lines about the connection, status %+v", log.count("seed connected"), st)
		}
	})
}

func TestAnchorsAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := mockPair(t)
		book := &MemoryBook{}
		_, stop := run(t, a, book, discard(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(time.Second)
		stop()
		entries, err := book.Peers(t.Context())
		if err != nil || len(entries) != 1 || entries[0].ID != b.ID() || !entries[0].Anchor || len(entries[0].Addrs) == 0 {
			t.Fatalf("book %+v, %v, want %v as an anchor", entries, err, b.ID())
		}
		if err := a.Network().ClosePeer(b.ID()); err != nil {
			t.Fatal(err)
		}
		a.Peerstore().ClearAddrs(b.ID())

		_, stop = run(t, a, book, discard(), nil)
		time.Sleep(time.Second)
		if !connected(a, b.ID()) {
			t.Error("the anchor is not dialled after a restart without seeds")
		}
		// Killed instead of stopped, the periodic save has to do.
		time.Sleep(40 * time.Second)
		if entries, _ := book.Peers(t.Context()); len(entries) != 1 || !entries[0].Anchor {
			t.Errorf("book %+v", entries)
		}
		stop()
	})
}

// A brokenBook fails at everything.
type brokenBook struct{}

func (brokenBook) Peers(context.Context) ([]Entry, error)      { return nil, errors.New("broken") }
func (brokenBook) Put(context.Context, Entry) error            { return errors.New("broken") }
func (brokenBook) Remove(ctx context.Context, _ peer.ID) error { return errors.New("broken") }

func TestBrokenBookIsNotFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := mockPair(t)
		var log logBuffer
		_, stop := run(t, a, brokenBook{}, log.logger(), func(c *Config) { c.Seeds = []Seed{seedFor(t, b)} })
		time.Sleep(time.Minute)
		if !connected(a, b.ID()) {
			t.Error("not connected")
		}
		stop()
		if log.count("peer book not read") != 1 || log.count("peer book not saved") == 0 {
			t.Error("nothing in the log about the book")
		}
	})
}

// quick makes retries on real hosts fast.
func quick(seeds ...Seed) func(*Config) {
	return func(c *Config) {
		c.Seeds = seeds
		c.RetryMin, c.RetryMax = 20*time.Millisecond, 50*time.Millisecond
	}
}

func TestLateSeed(t *testing.T) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		key, id := newKey(t)
		early, err := libp2p.New(hostOptions(), libp2p.Identity(key), libp2p.ListenAddrStrings(listen))
		if err != nil {
			t.Fatal(err)
		}
		addr := early.Addrs()[0].String()
		early.Close()

		h := newHost(t, loopback())
		boot, _ := run(t, h, &MemoryBook{}, discard(), func(c *Config) {
			quick(mustSeed(t, addr+"/p2p/"+id.String()))(c)
			c.DialTimeout = 500 * time.Millisecond // QUIC is not told that nobody is there
		})
		eventually(t, "the seed is seen to be missing", func() bool { return boot.Status().Seeds[0].Failures >= 3 })
		// The swarm would not even try after its first failure.
		if last := boot.Status().Seeds[0].LastError; strings.Contains(last, "backoff") {
			t.Errorf("not dialled: %s", last)
		}
		newHost(t, libp2p.Identity(key), libp2p.ListenAddrStrings(addr))
		eventually(t, "the late seed is connected", func() bool { return boot.Status().Seeds[0].Connected })
	}
}

func TestWrongPeerID(t *testing.T) {
	for _, listen := range []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		other := newHost(t, libp2p.ListenAddrStrings(listen))
		_, id := newKey(t)
		h := newHost(t, loopback())
		seed := mustSeed(t, other.Addrs()[0].String()+"/p2p/"+id.String())
		boot, _ := run(t, h, &MemoryBook{}, discard(), quick(seed))
		eventually(t, "the try fails", func() bool { return boot.Status().Seeds[0].Failures > 0 })
		got := boot.Status().Seeds[0].LastError
		if !strings.HasPrefix(got, "wrong peer id: the node there is "+other.ID().String()) {
			t.Errorf("%s: error %q does not name the peer that is there", listen, got)
		}
		if strings.Contains(got, "\n") {
			t.Errorf("error of several lines: %q", got)
		}
	}
}

func TestSeedThatIsOurselves(t *testing.T) {
	h := newHost(t, loopback())
	var log logBuffer
	boot, _ := run(t, h, &MemoryBook{}, log.logger(), quick(seedFor(t, h)))
	eventually(t, "the seed is recognised", func() bool { return boot.Status().Seeds[0].Failures > 0 })
	if st := boot.Status().Seeds[0]; st.LastError != errSelf.Error() || log.count("level=WARN") != 0 {
		t.Errorf("status %+v and %d warnings", st, log.count("level=WARN"))
	}
}

func TestHTTPSeed(t *testing.T) {
	other := newHost(t, loopback())
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/v1/node" {
			http.NotFound(w, r)
			return
		}
		addrs, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(other))
		if err != nil {
			t.Error(err)
		}
		json.NewEncoder(w).Encode(map[string]any{"peer_id": other.ID(), "addresses": addrs, "agent": "p2pchain"})
	}))
	t.Cleanup(api.Close)
	h := newHost(t, loopback())
	boot, _ := run(t, h, &MemoryBook{}, discard(), quick(mustSeed(t, api.URL)))
	eventually(t, "the node behind the API is connected", func() bool { return boot.Status().Seeds[0].Connected })
	if ids := boot.Status().Seeds[0].Peers; !slices.Equal(ids, []peer.ID{other.ID()}) {
		t.Errorf("the seed stands for %v, want %v", ids, other.ID())
	}
}

func TestSeedThatHangs(t *testing.T) {
	asked := make(chan struct{}, 1)
	api := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(api.Close)
	other := newHost(t, loopback())
	var log logBuffer
	seeds := quick(mustSeed(t, api.URL), seedFor(t, other))
	boot, stop := run(t, newHost(t, loopback()), &MemoryBook{}, log.logger(), seeds)
	<-asked
	eventually(t, "a seed is connected while another hangs", func() bool { return boot.Status().Seeds[1].Connected })
	stop()
	if st := boot.Status().Seeds[0]; st.Failures != 0 || log.count("level=WARN") != 0 {
		t.Errorf("cut short by the end of Run, the dial counts as failed: %+v", st)
	}
}

func TestWatcherNoticesNewAddresses(t *testing.T) {
	h := newHost(t, loopback())
	w := newWatcher(h)
	first, second := w.subscribe(), w.subscribe()
	before := readLocalNet(h)
	if err := h.Network().Listen(ma.StringCast("/ip4/127.0.0.1/tcp/0")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.run(ctx, before) }()
	<-first
	<-second
	cancel()
	<-done
	if n := len(readLocalNet(h).listen); n != len(before.listen)+1 {
		t.Errorf("%d listen addresses, want one more than %d", n, len(before.listen))
	}
}

func TestNewNamesBadFields(t *testing.T) {
	_, err := New(newHost(t, loopback()), &MemoryBook{}, Config{Network: "LAB", WantPeers: -1, Seeds: make([]Seed, 1)}, discard())
	for _, field := range []string{"network", "want peers", "seeds[0]", "retry min", "ping timeout", "browse idle"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("error %v does not name %q", err, field)
		}
	}
}

// TestNamesOfStrangersStayOutOfTheBook looks at what is kept of a peer that says it has a name.
func TestNamesOfStrangersStayOutOfTheBook(t *testing.T) {
	dialled, came := newHost(t, loopback()), newHost(t, loopback())
	if err := came.Connect(t.Context(), peer.AddrInfo{ID: dialled.ID(), Addrs: dialled.Addrs()}); err != nil {
		t.Fatal(err)
	}
	name := ma.StringCast("/dns4/example.org/tcp/4001")
	for _, tt := range []struct {
		name  string
		h     host.Host
		other peer.ID
		want  bool
	}{
		{"came by itself", dialled, came.ID(), false},
		{"dialled by us", came, dialled.ID(), true},
	} {
		within(t, 5*time.Second, "the connection", func() bool { return connected(tt.h, tt.other) })
		tt.h.Peerstore().AddAddr(tt.other, name, time.Hour)
		b, err := New(tt.h, &MemoryBook{}, testConfig(), discard())
		if err != nil {
			t.Fatal(err)
		}
		links := b.links()
		if len(links) != 1 || len(links[0].addrs) == 0 && tt.want || ma.Contains(links[0].addrs, name) != tt.want {
			t.Errorf("%s: %v, want the name in it: %v", tt.name, links, tt.want)
		}
	}
}
