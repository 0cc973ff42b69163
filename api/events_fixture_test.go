package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

// Page implements api.Pool.
func (p *fakePool) Page(after uint64, limit int) (mempool.Page, error) {
	list, err := p.List(after, limit)
	return mempool.Page{Tip: p.tip().Hash, Messages: list}, err
}

// Subscribe implements api.Pool; nobody is ever poked.
func (p *fakePool) Subscribe() (<-chan struct{}, func()) { return make(chan struct{}), func() {} }

// Leaves implements api.Messages.
func (f *fixture) Leaves(block core.Hash) ([]core.Leaf, error) {
	b, err := f.chain.Block(block)
	if err != nil {
		return nil, err
	}
	return b.Leaves(), nil
}

// A realNode is an API on a real store, chain and pool, in memory, with blocks to name and fork.
type realNode struct {
	t      testing.TB
	forks  *coretest.Forks
	deps   api.Deps
	chain  *chain.Chain
	pool   *mempool.Pool
	host   *watchedHost
	miner  *watchedMiner
	server *api.Server
	stop   func() // ends the server and waits for it
	dial   func() (net.Conn, error)
}

// A watchedHost is a host whose sync state a test sets.
type watchedHost struct {
	*fakeHost
	sync api.Sync // guarded by mu of fakeHost
}

func (h *watchedHost) Sync() api.Sync {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sync
}

// A watchedMiner is a miner whose state a test sets.
type watchedMiner struct {
	fakeMiner
	mu     sync.Mutex
	status api.Mining
}

func (m *watchedMiner) Status() api.Mining {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// newRealNode builds a node; nothing runs yet.
func newRealNode(t testing.TB, edits ...func(*api.Config, *api.Deps)) *realNode {
	t.Helper()
	n := coretest.Network(t)
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open("store", n, store.Options{FS: vfs.NewMem(), Log: log, CacheBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ccfg, pcfg := chain.DefaultConfig(), mempool.DefaultConfig()
	ccfg.Log, pcfg.Log = log, log
	c, err := chain.Open(n, s, ccfg)
	if err != nil {
		t.Fatal(err)
	}
	p, err := mempool.Open(n, c, s, pcfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &realNode{t: t, forks: coretest.NewForks(t, n), chain: c, pool: p, host: &watchedHost{fakeHost: &fakeHost{}}, miner: &watchedMiner{status: api.Mining{Mode: "off", Threads: 1}}}
	r.host.sync.State = api.SyncSynced
	cfg := api.DefaultConfig()
	cfg.Log = log
	r.deps = api.Deps{
		Network: n, Key: coretest.Key(7), Chain: c, Pool: p, Messages: s, Archive: s, Proofs: s, Branches: c, Miner: r.miner, Host: r.host, Invite: noInvite,
	}
	for _, edit := range edits {
		edit(&cfg, &r.deps)
	}
	if r.server, err = api.New(cfg, r.deps); err != nil {
		t.Fatal(err)
	}
	api.Record(t, r.server)
	return r
}

// serve runs the server, on loopback, until the test ends.
func (r *realNode) serve() *realNode {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.serveOn(l)
	r.dial = func() (net.Conn, error) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		return conn, conn.SetReadDeadline(time.Now().Add(time.Minute)) // so that a test fails and does not hang
	}
	return r
}

func (r *realNode) serveOn(l net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx, l) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("Run: %v", err)
		}
	})
	r.t.Cleanup(r.stop)
}

// pipe runs the server on connections in memory, for a bubble of synctest.
func (r *realNode) pipe() *realNode {
	l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	r.serveOn(l)
	r.dial = l.dial
	return r
}

// A pipeListener accepts connections in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// message makes a message that is nowhere yet.
func (r *realNode) message(text string) *core.Message {
	return coretest.Message(r.t, r.deps.Network, coretest.Key(1), text)
}

// add puts messages among the waiting ones.
func (r *realNode) add(msgs ...*core.Message) {
	r.t.Helper()
	for i, err := range r.pool.Add(msgs, mempool.Origin{}) {
		if err != nil {
			r.t.Fatalf("message %d: %v", i, err)
		}
	}
}

// connect adds blocks of the tree to the chain.
func (r *realNode) connect(blocks ...*core.Block) {
	r.t.Helper()
	if _, err := r.chain.AddBlocks(blocks); err != nil {
		r.t.Fatal(err)
	}
}

// An event is one as it came.
type gotEvent struct {
	id, kind string
	data     json.RawMessage
}

// text returns the event in a word or two: its type, and which message or block it is about.
func (e gotEvent) text() string {
	var d struct {
		Message, ID, Hash, Reason, Change, State string
		Count                                    int
		Again                                    bool
		Peer                                     struct{ ID string }
	}
	if err := json.Unmarshal(e.data, &d); err != nil && e.kind != api.EventHello {
		return e.kind + ": " + err.Error()
	}
	switch e.kind {
	case api.EventMessage:
		if d.Again {
			return "again " + d.Message
		}
		return "message " + d.Message
	case api.EventConfirmed:
		return "confirmed " + d.ID
	case api.EventBlock:
		return "block " + d.Hash
	case api.EventReorg:
		return "reorg of " + strconv.Itoa(d.Count)
	case api.EventReset:
		return "reset " + d.Reason
	case api.EventPeer:
		return "peer " + d.Change + " " + d.Peer.ID
	}
	return e.kind
}

// A listener reads events off a connection of its own.
type listener struct {
	t      testing.TB
	conn   net.Conn
	answer *http.Response
	in     *bufio.Reader
	last   string   // id
	was    gotEvent // what numbered read
}

// listen opens an event stream. Headers are name, value pairs.
func (r *realNode) listen(query string, headers ...string) *listener {
	r.t.Helper()
	conn, err := r.dial()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	var extra strings.Builder
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&extra, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if _, err := fmt.Fprintf(conn, "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", query, extra.String()); err != nil {
		r.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return &listener{t: r.t, conn: conn, answer: answer, in: bufio.NewReader(answer.Body)}
}

// next returns the next event, SSE or a line; io.EOF at the end.
func (l *listener) next() (gotEvent, error) {
	if l.answer.Header.Get("Content-Type") == "application/x-ndjson" {
		return l.nextLine()
	}
	var e gotEvent
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data = json.RawMessage(value)
		case "":
			if e.id != "" {
				l.last = e.id
			}
			if e.kind != "" {
				return e, nil
			}
		}
	}
}

func (l *listener) nextLine() (gotEvent, error) {
	for {
		line, err := l.in.ReadBytes('\n')
		if err != nil {
			return gotEvent{}, err
		}
		if len(line) == 1 {
			continue
		}
		var e struct {
			ID, Event string
			Data      json.RawMessage
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return gotEvent{}, err
		}
		l.last = e.ID
		return gotEvent{e.ID, e.Event, e.Data}, nil
	}
}

// acceptedMS returns when the node accepted the message of an event.
func (r *realNode) acceptedMS(e gotEvent) int64 {
	r.t.Helper()
	var d api.MessageEvent
	if err := json.Unmarshal(e.data, &d); err != nil {
		r.t.Fatal(err)
	}
	return int64(d.Accepted)
}

// newReader returns a reader of what was read already.
func newReader(raw []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(raw)) }

// want reads events and compares them, as text.
func (l *listener) want(texts ...string) {
	l.t.Helper()
	for i, want := range texts {
		e, err := l.next()
		if err != nil {
			l.t.Fatalf("event %d: %v, want %s", i, err, want)
		}
		if got := e.text(); got != want {
			l.t.Fatalf("event %d is %s, want %s (%s)", i, got, want, e.data)
		}
	}
}

// numbered reads an event and returns the four digits that its message begins with, -1 for another one.
func (l *listener) numbered() int {
	l.t.Helper()
	var err error
	if l.was, err = l.next(); err != nil {
		l.t.Fatal(err)
	}
	var d struct{ Message string }
	if err := json.Unmarshal(l.was.data, &d); err != nil || len(d.Message) < 4 {
		return -1
	}
	n, err := strconv.Atoi(d.Message[:4])
	if err != nil {
		return -1
	}
	return n
}

// end reads the rest and returns what ended it.
func (l *listener) end() error {
	_, err := io.Copy(io.Discard, l.in)
	return err
}
