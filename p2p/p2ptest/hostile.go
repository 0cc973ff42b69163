package p2ptest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// A Guise is what a hostile peer looks like from afar: a node with these blocks.
type Guise struct {
	Host    host.Host
	Network *core.Network
	Blocks  []*core.Block // ascending, the first one on genesis
}

// A Hostile is a peer that does one thing that no honest one would, and all else as they do: it says
// hello, and answers from the blocks of its guise. Whatever is done about it, it comes back.
//
// The constructors are one for each kind, in the files hostile_*.go. A kind says when its first fault
// is: where it breaks a rule, when it does; where it stalls, when the time for the answer is over.
type Hostile struct {
	Guise
	Name string

	hello  func(*exchange.Hello)                     // edits what it says of itself; may be nil
	serves map[protocol.ID]handler                   // instead of an honest answer
	attack func(ctx context.Context, victim peer.ID) // on each new connection; may be nil
	shelf  *shelf

	mu    sync.Mutex // guards what is below
	fault time.Time
	drops []time.Time
}

// A handler answers one stream, which is closed after it. It may go on until ctx ends.
type handler func(ctx context.Context, s network.Stream)

func newHostile(name string, g Guise) *Hostile {
	h := &Hostile{Guise: g, Name: name, serves: make(map[protocol.ID]handler), shelf: newShelf(g.Network, g.Blocks)}
	for _, id := range meshProtocols() {
		h.serves[id] = sink // as if it listened
	}
	return h
}

// comeback is how long a hostile peer waits before it connects again.
const comeback = time.Second

// Run connects to a victim and misbehaves until ctx ends, coming back whenever it is let go.
func (h *Hostile) Run(ctx context.Context, victim peer.AddrInfo) error {
	cfg := exchange.DefaultConfig()
	server, err := exchange.NewServer(mask{h.Host, h.serves, ctx}, h.Network, h.shelf, nothing{}, h, cfg)
	if err != nil {
		return err
	}
	notes := &network.NotifyBundle{DisconnectedF: func(n network.Network, c network.Conn) {
		if c.RemotePeer() == victim.ID && n.Connectedness(victim.ID) != network.Connected {
			h.dropped()
		}
	}}
	h.Host.Network().Notify(notes)
	defer h.Host.Network().StopNotify(notes)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx) })
	g.Go(func() error {
		for id, serve := range h.serves { // those that the server does not know
			h.Host.SetStreamHandler(id, answering(ctx, serve))
		}
		for ctx.Err() == nil {
			h.visit(ctx, victim)
			pause(ctx, comeback)
		}
		return nil
	})
	return g.Wait()
}

// visit lasts as long as one connection.
func (h *Hostile) visit(ctx context.Context, victim peer.AddrInfo) {
	dialling, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	if err := h.Host.Connect(dialling, victim); err != nil {
		return // a ban
	}
	var attack sync.WaitGroup
	defer attack.Wait()
	ctx, end := context.WithCancel(ctx)
	defer end()
	if h.attack != nil {
		attack.Go(func() { h.attack(ctx, victim.ID) })
	}
	for ctx.Err() == nil && h.Host.Network().Connectedness(victim.ID) == network.Connected {
		pause(ctx, 20*time.Millisecond)
	}
}

// FirstFault returns when the peer first did what must get it disconnected; zero: not yet.
func (h *Hostile) FirstFault() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fault
}

// Dropped returns when the peer was first disconnected at or after its first fault, or, while it has
// none, at all; zero: not yet.
func (h *Hostile) Dropped() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.IndexFunc(h.drops, func(t time.Time) bool { return !t.Before(h.fault) })
	if i < 0 {
		return time.Time{}
	}
	return h.drops[i]
}

// offends notes the first fault, if this is it.
func (h *Hostile) offends() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fault.IsZero() {
		h.fault = time.Now()
	}
}

func (h *Hostile) dropped() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drops = append(h.drops, time.Now())
}

// Self implements exchange.Peers.
func (h *Hostile) Self() exchange.Hello {
	tip := h.shelf.tip()
	hello := exchange.Hello{
		Genesis: h.Network.Genesis, Network: h.Network.Params.Name, Agent: "hostile/" + h.Name,
		Tip: tip.Hash(), Height: tip.Height, Work: tip.Work, ClockMS: uint64(time.Now().UnixMilli()),
	}
	if h.hello != nil {
		h.hello(&hello)
	}
	return hello
}

// Greeted implements exchange.Peers.
func (h *Hostile) Greeted(peer.ID, exchange.Hello) {}

// Offered implements exchange.Peers.
func (h *Hostile) Offered(context.Context, peer.ID, []core.Hash) (int, error) { return 0, nil }

// Punish implements exchange.Peers: nobody is perfect.
func (h *Hostile) Punish(peer.ID, error) {}

// A mask is a host on which some protocols are served otherwise.
type mask struct {
	host.Host
	serves map[protocol.ID]handler
	ctx    context.Context
}

// SetStreamHandler implements host.Host.
func (m mask) SetStreamHandler(id protocol.ID, honest network.StreamHandler) {
	if serve := m.serves[id]; serve != nil {
		honest = answering(m.ctx, serve)
	}
	m.Host.SetStreamHandler(id, honest)
}

func answering(ctx context.Context, serve handler) network.StreamHandler {
	return func(s network.Stream) {
		stop := context.AfterFunc(ctx, func() { s.Reset() })
		defer stop()
		serve(ctx, s)
		s.Close()
	}
}

// pause waits, and reports whether ctx is still alive afterwards.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// A shelf is a chain that never changes.
type shelf struct {
	headers []core.Header // from genesis on
	hashes  []core.Hash
	heights map[core.Hash]int
	blocks  map[core.Hash]*core.Block
}

func newShelf(n *core.Network, blocks []*core.Block) *shelf {
	s := &shelf{heights: make(map[core.Hash]int), blocks: make(map[core.Hash]*core.Block)}
	s.add(n.Header)
	for _, b := range blocks {
		s.blocks[s.add(b.Header)] = b
	}
	return s
}

func (s *shelf) add(h core.Header) core.Hash {
	hash := h.Hash()
	s.heights[hash] = len(s.headers)
	s.headers, s.hashes = append(s.headers, h), append(s.hashes, hash)
	return hash
}

func (s *shelf) tip() core.Header { return s.headers[len(s.headers)-1] }

// HeadersAfter implements exchange.Chain.
func (s *shelf) HeadersAfter(locator []core.Hash, limit int) ([]core.Header, error) {
	from := 1
	for _, hash := range locator {
		if height, ok := s.heights[hash]; ok {
			from = height + 1
			break
		}
	}
	return s.headers[from:min(from+limit, len(s.headers))], nil
}

// HashAt implements exchange.Chain.
func (s *shelf) HashAt(height uint64) (core.Hash, error) {
	if height >= uint64(len(s.hashes)) {
		return core.Hash{}, chain.ErrNotFound
	}
	return s.hashes[height], nil
}

// Block implements exchange.Chain.
func (s *shelf) Block(hash core.Hash) (*core.Block, error) {
	if b := s.blocks[hash]; b != nil {
		return b, nil
	}
	return nil, chain.ErrNotFound
}

// Leaves implements exchange.Chain.
func (s *shelf) Leaves(block core.Hash) ([]core.Leaf, error) {
	b, err := s.Block(block)
	if err != nil {
		return nil, err
	}
	return b.Leaves(), nil
}

// Message implements exchange.Chain: messages are given with their blocks only.
func (s *shelf) Message(core.Leaf) (*core.Message, error) { return nil, chain.ErrNotFound }

// nothing is a pool without messages.
type nothing struct{}

// Message implements exchange.Pool.
func (nothing) Message(core.Hash) (*core.Message, error) { return nil, chain.ErrNotFound }

// List implements exchange.Pool.
func (nothing) List(uint64, int) ([]mempool.Waiting, error) { return nil, nil }
