package mempool

import (
	"fmt"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A Chain is what a Pool needs of the best chain; it is *chain.Chain but for tests.
type Chain interface {
	// Tip returns the last block of the best chain without waiting.
	Tip() chain.Tip
	// UpdatesSince returns up to limit blocks of what happened since from; chain.ErrNotFound where
	// from was forgotten.
	UpdatesSince(from core.Hash, limit int) (chain.Update, error)
	// Subscribe returns a channel of capacity 1, poked after every change, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// An Origin says where a message came from.
type Origin struct {
	Peer string // the id of the peer that sent it; empty for a user of this node
	// Made says that the node made and signed the message itself a moment ago, with random numbers in
	// it. Then nobody can know it, and its signature is not checked: the key is our own.
	Made bool
}

func (o Origin) local() bool { return o.Peer == "" }

// A Pool holds the waiting messages of one network. It is safe for concurrent use.
type Pool struct {
	network *core.Network
	chain   Chain
	store   Store
	cfg     Config
	pokes   pokes

	// following is held by the one that brings memory up to the chain: it alone changes at and
	// memory's window. It is taken before mu and held over reads of store and chain.
	following sync.Mutex
	indexed   uint64 // up to this Seq all that waits is in leaves, room permitting; guarded by following

	leaves *leafIndex
	joins  joins

	local, foreign counters // of what Add was given

	// mu guards what is below and is never held over a call that may wait for the disk.
	mu       sync.Mutex
	memory   memory
	at       core.Hash // the block that memory is exact for
	shares   *shares
	inflight int64 // bytes between admission and the end of their Accept
}

// Open returns the pool of what waits in a store. Memory fills as soon as Run or Template is called.
func Open(n *core.Network, c Chain, s Store, cfg Config) (*Pool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	_, waiting := s.WaitingTotals()
	return &Pool{
		network: n, chain: c, store: s, cfg: cfg,
		memory: newMemory(cfg.MemoryBytes),
		at:     c.Tip().Hash,
		shares: newShares(waiting),
		leaves: newLeafIndex(),
	}, nil
}

// Has reports whether a message waits, in memory or on disk.
func (p *Pool) Has(id core.Hash) bool {
	return p.held(id) || p.lookup(id) == AlreadyWaiting
}

// Known reports whether Add would say ErrKnown: the message waits or is sealed on the best chain.
func (p *Pool) Known(id core.Hash) bool {
	return p.held(id) || p.lookup(id) != Accepted
}

func (p *Pool) held(id core.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.memory.message(id)
	return ok
}

// lookup takes a message as unknown where the store cannot be read: Accept will say so in full.
func (p *Pool) lookup(id core.Hash) AcceptResult {
	found, err := p.store.Lookup(id)
	if err != nil {
		p.cfg.Log.Error("looking up a message", "id", id, "err", err)
		return Accepted
	}
	return found
}

// Message returns a waiting message with its body; chain.ErrNotFound where none of this id waits.
func (p *Pool) Message(id core.Hash) (*core.Message, error) {
	p.mu.Lock()
	m, ok := p.memory.message(id)
	p.mu.Unlock()
	if ok {
		return m, nil
	}
	found, err := p.store.Lookup(id)
	if err != nil {
		return nil, fmt.Errorf("looking up message %v: %w", id, err)
	}
	if found != AlreadyWaiting {
		return nil, fmt.Errorf("message %v does not wait: %w", id, chain.ErrNotFound)
	}
	return p.store.Message(id)
}

// List returns up to limit waiting messages with a Seq over after, oldest first, be they in memory
// or on disk. Pass the last Seq to go on; an empty list is the end.
func (p *Pool) List(after uint64, limit int) ([]Waiting, error) {
	page, err := p.store.Waiting(after, limit)
	return page.Messages, err
}

// Page is List with the best chain's tip at which the messages wait, both of one moment.
func (p *Pool) Page(after uint64, limit int) (Page, error) { return p.store.Waiting(after, limit) }

// Totals say how much waits. Sizes are in bytes.
type Totals struct {
	Count    int
	Bytes    int64 // sum of the message sizes
	MaxBytes int64 // Config.MaxBytes
	InMemory int   // messages held in memory
	Memory   int64 // what these cost there, overhead included
}

// Totals returns how much waits now.
func (p *Pool) Totals() Totals {
	count, bytes := p.store.WaitingTotals()
	p.mu.Lock()
	defer p.mu.Unlock()
	return Totals{
		Count: count, Bytes: bytes, MaxBytes: p.cfg.MaxBytes,
		InMemory: p.memory.window.Len() + len(p.memory.fresh), Memory: p.memory.used,
	}
}

// Subscribe returns a channel of capacity 1 that is poked when messages begin to wait, and a
// function that ends this. Pull them with List or Template.
func (p *Pool) Subscribe() (<-chan struct{}, func()) { return p.pokes.subscribe() }

// pokes are the subscribers of a pool.
type pokes struct {
	mu  sync.Mutex
	all map[chan struct{}]struct{}
}

func (p *pokes) subscribe() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = make(map[chan struct{}]struct{})
	}
	p.all[ch] = struct{}{}
	return ch, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.all, ch)
	}
}

func (p *pokes) poke() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for ch := range p.all {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last poke
		}
	}
}
