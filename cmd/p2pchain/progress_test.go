package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

// far is a sync half-way.
func far() api.Sync {
	left := 235.4
	return api.Sync{
		State: "blocks", Height: 450123, BestHeader: 1000000, Target: 1000000,
		BlocksPerSecond: 2345.4, MessagesPerSecond: 40123, BytesPerSecond: 8.24e6, ETASeconds: &left,
	}
}

func TestSyncLine(t *testing.T) {
	eta := func(s float64) *float64 { return &s }
	for _, tt := range []struct {
		name string
		edit func(*api.Sync)
		want string
	}{
		{"all", func(*api.Sync) {}, "[####------] 450,123/1,000,000  2,345 blocks/s  40,123 msg/s  3m55s left"},
		{"bytes, where they fit", func(s *api.Sync) { s.MessagesPerSecond = 0 }, "[####------] 450,123/1,000,000  2,345 blocks/s  8.2 MB/s  3m55s left"},
		{"slow", func(s *api.Sync) { s.BlocksPerSecond, s.MessagesPerSecond, s.BytesPerSecond = 0.52, 0, 0 }, "[####------] 450,123/1,000,000  0.5 blocks/s  3m55s left"},
		{"nothing known", func(s *api.Sync) { *s = api.Sync{State: "blocks", BestHeader: 7, Target: 7} }, "[----------] 0/7"},
		{"headers", func(s *api.Sync) { *s = api.Sync{State: "headers", BestHeader: 500, Target: 999} }, "[#####-----] headers 500/999"},
		{"a first look at headers", func(s *api.Sync) { *s = api.Sync{State: "headers", Walked: 900, Target: 999} }, "[#########-] headers 900/999"},
		{"hours", func(s *api.Sync) { s.MessagesPerSecond, s.BytesPerSecond, s.ETASeconds = 0, 0, eta(7500) }, "[####------] 450,123/1,000,000  2,345 blocks/s  2h5m0s left"},
		{"for ever", func(s *api.Sync) { s.MessagesPerSecond, s.BytesPerSecond, s.ETASeconds = 0, 0, eta(1e300) }, "[####------] 450,123/1,000,000  2,345 blocks/s  1000h0m0s left"},
		{"above its target", func(s *api.Sync) { *s = api.Sync{State: "blocks", Height: 9, BestHeader: 9, Target: 7} }, "[##########] 9/7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := far()
			tt.edit(&s)
			if got := syncLine(s); got != tt.want || len(got) > lineColumns {
				t.Errorf("syncLine = %q of %d columns, want %q", got, len(got), tt.want)
			}
		})
	}
}

// TestLiveLine holds what a terminal is told to show.
func TestLiveLine(t *testing.T) {
	var out bytes.Buffer
	live := &liveLine{w: &out}
	steps := []struct {
		do   func()
		want string
	}{
		{func() { live.Write([]byte("log\n")) }, "log\n"},
		{func() { live.show("one") }, "\r\x1b[Kone"},
		{func() { live.show("one") }, ""},
		{func() { live.Write([]byte("log\n")) }, "\r\x1b[Klog\none"},
		{func() { live.show("two") }, "\r\x1b[Ktwo"},
		{func() { live.show("") }, "\r\x1b[K"},
		{func() { live.Write([]byte("log\n")) }, "log\n"},
	}
	for i, step := range steps {
		out.Reset()
		if step.do(); out.String() != step.want {
			t.Errorf("step %d: %q, want %q", i, out.String(), step.want)
		}
	}
}

// A fakeSync is the sync of a node that there is not.
type fakeSync struct {
	mu  sync.Mutex
	now api.Sync
}

func newSync(s api.Sync) *fakeSync { return &fakeSync{now: s} }

func (f *fakeSync) get() api.Sync {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeSync) set(s api.Sync) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = s
}

// TestDrawSync follows a sync on a terminal from its start to its end.
func TestDrawSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		state := newSync(api.Sync{State: stateSynced, Height: 5, Target: 5})
		stop := followSync(t.Context(), state.get, &liveLine{w: &out}, nil)
		look := func(looks int, want string) {
			t.Helper()
			time.Sleep(time.Duration(looks) * progressEvery)
			synctest.Wait()
			if out.String() != want {
				t.Errorf("%q, want %q", out.String(), want)
			}
			out.Reset()
		}
		time.Sleep(progressEvery / 2)
		look(3, "")
		state.set(far()) // one look is not enough
		look(1, "")
		state.set(api.Sync{State: stateSynced, Height: 6, Target: 6})
		look(2, "")
		state.set(far())
		look(2, clearLine+syncLine(far()))
		further := far()
		further.Height += 1000
		state.set(further)
		look(1, clearLine+syncLine(further))
		state.set(api.Sync{State: stateSynced, Height: 7, Target: 7})
		look(1, clearLine)
		state.set(far())
		look(2, clearLine+syncLine(far()))
		stop()
		if out.String() != clearLine {
			t.Errorf("the end leaves %q", out.String())
		}
	})
}

// TestLogSync follows a sync where nobody looks at a terminal.
func TestLogSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		state := newSync(far())
		ctx, cancel := context.WithCancel(t.Context())
		stop := followSync(ctx, state.get, nil, slog.New(slog.NewTextHandler(&out, nil)))
		time.Sleep(progressLog * 7 / 2)
		synctest.Wait()
		if n := strings.Count(out.String(), "msg=syncing height=450123 target=1000000 blocks_per_second=2345 messages_per_second=40123 bytes_per_second=8240000 left=3m55s"); n != 2 {
			t.Errorf("%d lines, want 2:\n%s", n, out.String())
		}
		state.set(api.Sync{State: stateAlone, Target: 7})
		out.Reset()
		time.Sleep(3 * progressLog)
		synctest.Wait()
		if out.Len() > 0 {
			t.Errorf("nothing to sync, but %s", out.String())
		}
		cancel()
		stop()
	})
}

func TestWatchLine(t *testing.T) {
	n := client.Node{Sync: api.Sync{State: stateSynced, Height: 1234, Target: 1234}, Peers: 2}
	n.Tip.Height, n.Mempool.Count = 1234, 1
	if got, want := watchLine(n), "block 1,234, synced, 2 peers, 1 message waiting"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	n.Sync, n.Peers = api.Sync{State: stateAlone}, 0
	if got, want := watchLine(n), "block 1,234, 0 peers, 1 message waiting"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	n.Sync = far()
	if got := watchLine(n); got != syncLine(far()) {
		t.Errorf("%q, want the line of the sync", got)
	}
	if got, want := syncWords(n), "blocks, on the way to block 1000000, 2,345 blocks/s, 40,123 msg/s, 8.2 MB/s, 3m55s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	n.Sync.State = stateAlone
	if got, want := syncWords(n), "alone: no peer is there to send the blocks up to 1000000"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPeerWords(t *testing.T) {
	for _, tt := range []struct {
		peers int
		links client.Links
		want  string
	}{
		{0, client.Links{}, "0"},
		{0, client.Links{Introducers: 1}, "0, and 1 introducer"},
		{3, client.Links{Inbound: 1, Outbound: 2}, "3 (1 inbound, 2 outbound)"},
	} {
		if got := peerWords(client.Node{Peers: tt.peers, Links: tt.links}); got != tt.want {
			t.Errorf("peers %q, want %q", got, tt.want)
		}
	}
}

func TestReachWords(t *testing.T) {
	const (
		private = "/ip4/192.168.1.7/tcp/22345/p2p/12D3KooWGKhTktda1qkes8M4h5LUeVMe56NE8NRke5Y2vDXpz6mn"
		public  = "/ip4/8.8.8.8/tcp/22345/p2p/12D3KooWGKhTktda1qkes8M4h5LUeVMe56NE8NRke5Y2vDXpz6mn"
		unknown = "not known yet whether nodes outside of the local network reach this one"
		not     = "nodes outside of the local network do not reach this one"
	)
	for _, tt := range []struct {
		name  string
		peers int
		addr  string
		links client.Links
		want  string
	}{
		{"nothing to say", 1, private, client.Links{Reach: "direct", Reachable: "unknown"}, ""},
		{"direct", 1, public, client.Links{Reach: "direct", Reachable: "public"}, "direct: nodes outside of the local network reach this one"},
		{"relayed", 1, private, client.Links{Reach: "nat", Reachable: "relayed", Relays: 1}, "nat: nodes outside of the local network reach this one through relays"},
		{"alone", 0, private, client.Links{Reach: "nat", Reachable: "unknown"}, "nat: " + unknown + "; there is no peer to try it"},
		{"no relay", 2, private, client.Links{Reach: "nat", Reachable: "unknown"}, "nat: " + unknown + "; no peer relays: start one that all reach with --reach relay"},
		{"no relay, and tried", 0, public, client.Links{Introducers: 1, Reach: "nat", Reachable: "private"}, "nat: " + not + "; no peer relays: start one that all reach with --reach relay"},
		{"soon", 1, public, client.Links{Relays: 1, Reach: "nat", Reachable: "unknown"}, "nat: " + unknown},
		{"private addresses", 1, private, client.Links{Reach: "relay", Reachable: "unknown"}, "relay: " + unknown + "; all its addresses are private: name the one that others use with --announce"},
	} {
		n := client.Node{Peers: tt.peers, Addresses: []string{tt.addr}, Links: tt.links}
		if got := reachWords(n); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestKnownWords(t *testing.T) {
	if got, want := knownWords(client.Links{Known: 1}), "1 node"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	dht := 2
	if got, want := knownWords(client.Links{Known: 3, DHTNodes: &dht}), "3 nodes, and 2 nodes of the DHT to ask for more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A lastWord is an output that ends what writes to it.
type lastWord struct {
	bytes.Buffer
	end func()
}

func (w *lastWord) Write(b []byte) (int, error) {
	w.end()
	return w.Buffer.Write(b)
}

// TestWatch follows a node until a signal ends it, after the first answer.
func TestWatch(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		json.NewEncoder(w).Encode(client.Node{PeerID: "12D3", Sync: far(), Links: client.Links{Reach: "direct"}})
	}))
	defer node.Close()
	c, err := client.New(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, inJSON := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		out := &lastWord{end: cancel}
		a := &app{stdout: out, lookupEnv: func(string) (string, bool) { return "", false }}
		a.shared.json = inJSON
		if err := a.watchStatus(ctx, c, nil); err != nil {
			t.Errorf("json %v: %v, want nil after a signal", inJSON, err)
		}
		want := syncLine(far()) + "\n"
		if inJSON {
			want = `"sync":{"state":"blocks","height":450123,`
		}
		if !strings.Contains(out.String(), want) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("json %v: %q, want one line with %q", inJSON, out.String(), want)
		}
	}
}

// A roundTripper answers requests as a function does.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestWatchOutlastsRestart follows a node that is gone for some looks, and comes back at another address.
func TestWatchOutlastsRestart(t *testing.T) {
	for _, inJSON := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			asked := 0
			nodeAt := func(address string, up func() bool) *client.Client {
				c, err := client.New(address, client.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
					if asked++; !up() {
						return nil, syscall.ECONNREFUSED
					}
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"tip":{"height":7}}`)), Header: http.Header{}}, nil
				})))
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			var out, said bytes.Buffer
			a := &app{stdout: &out, stderr: &said, lookupEnv: func(string) (string, bool) { return "", false }}
			a.shared.json = inJSON
			err := a.watchStatus(ctx, nodeAt("http://first", func() bool { return asked == 1 }), func() (*client.Client, error) {
				if asked < 4 {
					return nil, node.ErrNoAddress
				}
				return nodeAt("http://second", func() bool { cancel(); return true }), nil
			})
			if err != nil || asked != 5 {
				t.Errorf("json %v: %v after %d looks, want nil after 5", inJSON, err, asked)
			}
			if text := out.String() + said.String(); strings.Count(text, nodeAway) != 1 {
				t.Errorf("json %v: %q", inJSON, text)
			}
		})
	}
	broken, err := client.New("http://nobody", client.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED })))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stdout: io.Discard, lookupEnv: func(string) (string, bool) { return "", false }}
	if err := a.watchStatus(t.Context(), broken, nil); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("a node that was never there: %v", err)
	}
}
