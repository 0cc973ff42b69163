package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A fixture is a node with a real chain in memory, and everything else as plain as can be.
type fixture struct {
	t       *testing.T
	network *core.Network
	chain   *fakeChain
	pool    *fakePool
	host    *fakeHost
	erasing *fakeErasures
	url     string

	invite    api.Invite // what Deps.Invite returns
	inviteErr error

	log  *bytes.Buffer // read it after stop
	stop func()        // ends the server and waits for it

	handler http.Handler // of the server
}

// Message makes the chain and the pool an api.Messages.
func (f *fixture) Message(id core.Hash) (*core.Message, error) {
	if p, err := f.chain.Locate(id); err == nil {
		b, err := f.chain.Block(p.Block)
		if err != nil {
			return nil, err
		}
		return b.Messages[p.Position], nil
	}
	return f.pool.Message(id)
}

func noInvite() (api.Invite, error) { return api.Invite{}, errors.New("nobody reaches this node") }

const (
	peerA = "12D3KooWA1bZ8QmFzkQxg4mU3vJ6TnYv3m2yq1HcW5T7nqQkQ1aa"
	peerB = "12D3KooWB2cY9RnGykRyh5nV4wK7UoZw4n3zr2JdX6U8orRlR2bb"
)

func twoPeers() []api.Peer {
	return []api.Peer{
		{ID: peerB, Addresses: []string{"/ip6/2001:db8::7/udp/22345/quic-v1/p2p/" + peerB}, Direction: "inbound", Agent: "p2pchain/0.1",
			Tip: core.Hash{2}, Height: 3, Work: core.NewWork(1, 0), LatencyMS: 0.25, Connected: 946684801000, Mesh: []string{}},
		{ID: peerA, Addresses: []string{"/ip4/198.51.100.4/tcp/22345/p2p/" + peerA}, Direction: "outbound", Agent: "p2pchain/0.1",
			Tip: core.Hash{1}, Height: 4, Work: core.NewWork(0, 99), LatencyMS: 12.5, Connected: 946684800500, ClockOffsetMS: 20,
			Mesh: []string{api.TopicMessages, api.TopicBlocks}},
	}
}

func now() time.Time { return time.Date(2000, 1, 1, 0, 1, 0, 123456000, time.UTC) }

// start serves a node with an empty chain. Edits change what is handed to api.New.
func start(t *testing.T, edits ...func(*api.Config, *api.Deps)) *fixture {
	t.Helper()
	return startOn(t, coretest.Network(t), edits...)
}

func startOn(t *testing.T, n *core.Network, edits ...func(*api.Config, *api.Deps)) *fixture {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startAt(t, n, l, edits...)
}

func startAt(t *testing.T, n *core.Network, l net.Listener, edits ...func(*api.Config, *api.Deps)) *fixture {
	t.Helper()
	f := &fixture{t: t, network: n, log: new(bytes.Buffer), pool: &fakePool{network: n}, host: &fakeHost{}, erasing: new(fakeErasures)}
	ccfg := chain.DefaultConfig()
	ccfg.Now, ccfg.Log = now, slog.New(slog.DiscardHandler)
	mem := coretest.NewMemStore(n)
	c, err := chain.Open(n, mem, ccfg)
	if err != nil {
		t.Fatal(err)
	}
	f.pool.tip = c.Tip
	f.chain = &fakeChain{Chain: c, erased: make(map[core.Hash]bool), tip: coretest.Genesis(n)}
	cfg := api.DefaultConfig()
	cfg.Now, cfg.Version = now, "v1.2.3"
	cfg.Log = slog.New(slog.NewTextHandler(&lockedWriter{w: f.log}, nil))
	stored := &archive{MemStore: mem, pool: f.pool}
	deps := api.Deps{
		Network: n, Key: coretest.Key(7), Chain: f.chain, Pool: f.pool, Messages: f, Archive: stored, Branches: c, Miner: fakeMiner{}, Host: f.host,
		Invite: func() (api.Invite, error) { return f.invite, f.inviteErr }, ClockSkew: func() (time.Duration, bool) { return -1500 * time.Millisecond, true },
		Erasures: f.erasing, Erase: f.erasing.Erase,
	}
	for _, edit := range edits {
		edit(&cfg, &deps)
	}
	stored.chain = deps.Chain
	s, err := api.New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	api.Record(t, s)
	f.handler = s.Handler()
	f.serve(s, l)
	return f
}

// serve runs a server until the test or stop ends it.
func (f *fixture) serve(s *api.Server, l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	f.url = "http://" + l.Addr().String()
	if l.Addr().Network() == "unix" {
		f.url = "http://localhost"
	}
	f.stop = sync.OnceFunc(func() {
		cancel()
		http.DefaultClient.CloseIdleConnections()
		if err := <-ended; err != nil {
			f.t.Errorf("Run: %v", err)
		}
	})
	f.t.Cleanup(f.stop)
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// seal puts a block with these messages on the chain.
func (f *fixture) seal(msgs ...*core.Message) *core.Block {
	f.t.Helper()
	f.chain.mu.Lock()
	tip := f.chain.tip
	f.chain.mu.Unlock()
	b := coretest.Next(f.t, f.network, tip, msgs...)
	if _, err := f.chain.AddBlocks([]*core.Block{b}); err != nil {
		f.t.Fatal(err)
	}
	f.chain.mu.Lock()
	f.chain.tip = tip.After(b)
	f.chain.mu.Unlock()
	return b
}

// sealWaiting puts all that waits into a block.
func (f *fixture) sealWaiting() *core.Block {
	f.t.Helper()
	f.pool.mu.Lock()
	msgs := f.pool.waiting
	f.pool.mu.Unlock()
	b := f.seal(msgs...)
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	f.pool.waiting = f.pool.waiting[len(msgs):]
	f.pool.dropped += len(msgs)
	return b
}

// sample gives the node a chain with every kind of block and message, and two waiting messages.
func (f *fixture) sample() {
	f.t.Helper()
	n := f.network
	octets := func(m *core.Message) { m.MediaType = "application/octet-stream" }
	f.seal(coretest.Message(f.t, n, coretest.Key(0), "hello"))
	gone := coretest.Message(f.t, n, coretest.Key(1), "to be erased")
	f.seal(coretest.Message(f.t, n, coretest.Key(0), `<b>"quoted" & ünïcode</b>`),
		coretest.MessageWith(f.t, n, coretest.Key(1), "\xff\xfe", octets), gone)
	f.chain.erased[gone.ID] = true
	f.erasing.add(chain.Erasure{
		ID: gone.ID, TimeMS: 946684802500, ByAuthor: true, Author: gone.Author, Message: core.Hash{0xee}, Settled: true,
	})
	f.seal()
	f.pool.waiting = []*core.Message{
		coretest.Message(f.t, n, coretest.Key(0), "waiting"),
		coretest.MessageWith(f.t, n, coretest.Key(0), "\x80", octets),
	}
	f.host.peers = twoPeers()
	f.invite = api.Invite{
		Invite: "p2pchain1af5w6", Network: n.Params.Name, NetworkID: n.ID(),
		Addresses: []string{"/ip4/192.0.2.1/tcp/22345/p2p/12D3KooWSelf"},
	}
}

// An answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// do makes a request. Headers are name, value pairs; Host is one of them.
func (f *fixture) do(method, path, body string, headers ...string) answer {
	f.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r, err := http.NewRequest(method, f.url+path, in)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// code returns the code of a problem, and checks that it is one.
func (f *fixture) code(a answer) string {
	f.t.Helper()
	if ct := a.header.Get("Content-Type"); ct != "application/problem+json" {
		f.t.Fatalf("%d with Content-Type %q, want a problem: %s", a.status, ct, a.body)
	}
	var p api.Problem
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Status != a.status || p.Type != "about:blank" || p.Title == "" {
		f.t.Fatalf("bad problem (%v): %s", err, a.body)
	}
	return p.Code
}

// decode reads an answer of success.
func decode[T any](t *testing.T, a answer) (v T) {
	t.Helper()
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	dec := json.NewDecoder(strings.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// golden is coretest.Golden with our flag.
func golden(t *testing.T, name, got string) {
	t.Helper()
	coretest.Golden(t, name, []byte(got), *update)
}

// dial opens a connection for requests that no client would send.
func (f *fixture) dial() *net.TCPConn {
	f.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}
