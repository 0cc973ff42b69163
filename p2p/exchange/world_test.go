package exchange_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// A pool is a fake of the waiting messages.
type pool struct {
	mu       sync.Mutex
	messages []*core.Message
}

func (p *pool) add(msgs ...*core.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, msgs...)
}

func (p *pool) Message(id core.Hash) (*core.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.messages {
		if m.ID == id {
			return m, nil
		}
	}
	return nil, chain.ErrNotFound
}

func (p *pool) List(after uint64, limit int) ([]mempool.Waiting, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []mempool.Waiting
	for i := int(after); i < len(p.messages) && len(out) < limit; i++ {
		out = append(out, mempool.Waiting{Seq: uint64(i + 1), ID: p.messages[i].ID})
	}
	return out, nil
}

// Peers is a fake of the table of peers.
type peers struct {
	self exchange.Hello

	mu       sync.Mutex
	greeted  map[peer.ID]exchange.Hello
	offered  []core.Hash
	punished chan error
}

func (p *peers) Self() exchange.Hello { return p.self }

func (p *peers) Greeted(id peer.ID, h exchange.Hello) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.greeted[id] = h
}

func (p *peers) Punish(_ peer.ID, why error) { p.punished <- why }

func (p *peers) Offered(_ context.Context, _ peer.ID, ids []core.Hash) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered = append(p.offered, ids...)
	return len(ids), nil
}

// A world is a node that answers and a node that asks.
type world struct {
	t       testing.TB
	n       *core.Network
	cfg     exchange.Config
	chain   *chain.Chain
	pool    *pool
	peers   *peers
	server  host.Host
	asker   host.Host
	client  *exchange.Client
	running chan struct{} // closed when the server has ended
	stop    context.CancelFunc
}

// newHost opens a host that listens on an address of loopback.
func newHost(t testing.TB, addr string) host.Host {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings(addr), libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		t.Fatalf("host: %v", err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func join(t testing.TB, from, to host.Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := from.Connect(ctx, peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}); err != nil {
		t.Fatalf("connecting: %v", err)
	}
}

const loopback = "/ip4/127.0.0.1/tcp/0"

// newWorld makes the node that answers have these blocks, and the limits that edit sets.
func newWorld(t testing.TB, n *core.Network, addr string, blocks []*core.Block, edit func(*exchange.Config)) *world {
	t.Helper()
	w := &world{t: t, n: n, cfg: exchange.DefaultConfig(), pool: &pool{}, running: make(chan struct{})}
	w.cfg.Log = slog.New(slog.DiscardHandler)
	if edit != nil {
		edit(&w.cfg)
	}
	w.peers = &peers{greeted: make(map[peer.ID]exchange.Hello), punished: make(chan error, 64)}
	w.peers.self = exchange.Hello{Genesis: n.Genesis, Network: n.Params.Name, Agent: "answerer/1", Tip: n.Genesis, ClockMS: 1}
	chainCfg := chain.DefaultConfig()
	chainCfg.Log = w.cfg.Log
	var err error
	if w.chain, err = chain.Open(n, coretest.NewMemStore(n), chainCfg); err != nil {
		t.Fatal(err)
	}
	if _, err = w.chain.AddBlocks(blocks); err != nil {
		t.Fatal(err)
	}
	w.server, w.asker = newHost(t, addr), newHost(t, addr)
	w.serve(w.chain)
	if w.client, err = exchange.NewClient(w.asker, n, w.cfg); err != nil {
		t.Fatal(err)
	}
	join(t, w.asker, w.server)
	return w
}

// serve starts the server on a chain.
func (w *world) serve(c exchange.Chain) {
	w.t.Helper()
	w.servePool(c, w.pool)
}

func (w *world) servePool(c exchange.Chain, pool exchange.Pool) {
	w.t.Helper()
	server, err := exchange.NewServer(w.server, w.n, c, pool, w.peers, w.cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	w.stop = cancel
	running := w.running
	go func() {
		defer close(running)
		if err := server.Run(ctx); err != nil {
			w.t.Errorf("server: %v", err)
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-running
	})
	for len(w.server.Mux().Protocols()) < 6 || !hasProtocol(w.server, exchange.ProtocolsOf(w.n).Vote) {
		time.Sleep(time.Millisecond) // until Run has registered all
	}
}

// serveInstead ends the server and starts one on another chain.
func (w *world) serveInstead(c exchange.Chain) {
	w.stop()
	<-w.running
	w.running = make(chan struct{})
	w.serve(c)
}

func hasProtocol(h host.Host, id any) bool {
	for _, p := range h.Mux().Protocols() {
		if p == id {
			return true
		}
	}
	return false
}

// blocks collects what Client.Blocks brings.
func (w *world) blocks(hashes []core.Hash) ([]*core.Block, error) {
	var out []*core.Block
	err := w.client.Blocks(w.t.Context(), w.server.ID(), hashes, func(int) {}, func(b *core.Block) error {
		out = append(out, b)
		return nil
	})
	return out, err
}

func hashesOf(blocks []*core.Block) []core.Hash {
	var out []core.Hash
	for _, b := range blocks {
		out = append(out, b.Header.Hash())
	}
	return out
}
