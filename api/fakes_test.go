package api_test

import (
	"context"
	"slices"
	"sync"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// fakeChain is a chain that can lose bodies.
type fakeChain struct {
	*chain.Chain
	mu     sync.Mutex
	erased map[core.Hash]bool
	tip    coretest.Tip
}

func (c *fakeChain) Block(hash core.Hash) (*core.Block, error) {
	b, err := c.Chain.Block(hash)
	if err != nil {
		return nil, err
	}
	out := &core.Block{Header: b.Header, Messages: slices.Clone(b.Messages)}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range out.Messages {
		if c.erased[m.ID] {
			bare := *m
			bare.Body = nil
			out.Messages[i] = &bare
		}
	}
	return out, nil
}

// fakePool keeps waiting messages in a list.
type fakePool struct {
	network *core.Network
	tip     func() chain.Tip
	mu      sync.Mutex
	waiting []*core.Message
	dropped int
	adds    int                            // calls of Add
	refuse  func(int, *core.Message) error // asked before each message, with how many were taken
	enter   func()                         // called by Add before anything else
	origins map[mempool.Origin]int
	notes   []mempool.Note
}

func (p *fakePool) Add(msgs []*core.Message, from mempool.Origin) []error {
	if p.enter != nil {
		p.enter()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.adds++
	if p.origins == nil {
		p.origins = make(map[mempool.Origin]int)
	}
	p.origins[from] += len(msgs)
	errs := make([]error, len(msgs))
	for i, m := range msgs {
		if p.refuse != nil {
			errs[i] = p.refuse(len(p.waiting), m)
		}
		if errs[i] == nil {
			errs[i] = consensus.CheckMessage(p.network, m)
		}
		if errs[i] == nil {
			errs[i] = consensus.CheckSignature(m)
		}
		if errs[i] == nil {
			p.waiting = append(p.waiting, m)
		}
	}
	return errs
}

func (p *fakePool) Message(id core.Hash) (*core.Message, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.waiting {
		if m.ID == id {
			return m, nil
		}
	}
	return nil, chain.ErrNotFound
}

func (p *fakePool) List(after uint64, limit int) ([]mempool.Waiting, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []mempool.Waiting
	for i, m := range p.waiting {
		seq := uint64(p.dropped + i + 1)
		if seq > after && len(out) < limit {
			out = append(out, mempool.Waiting{Seq: seq, ID: m.ID, Size: m.Size(), Local: true, AcceptedMS: 946684805000})
		}
	}
	return out, nil
}

func (p *fakePool) Totals() mempool.Totals {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := mempool.Totals{MaxBytes: 1 << 30}
	for _, m := range p.waiting {
		t.Count++
		t.Bytes += int64(m.Size())
	}
	return t
}

func (p *fakePool) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []string{}
	for _, m := range p.waiting {
		out = append(out, string(m.Body.Payload))
	}
	return out
}

type fakeMiner struct{}

func (fakeMiner) Status() api.Mining {
	return api.Mining{Mode: "auto", Threads: 1, Working: true, HashRate: 1234567.5, Height: 4, Sealed: 2}
}

type fakeHost struct {
	mu      sync.Mutex
	peers   []api.Peer
	dialled []string
	connect error
	vote    func(context.Context, *core.Message) (int, int)
}

func (h *fakeHost) ID() string { return "12D3KooWSelf" }

func (h *fakeHost) Addrs() []string {
	return []string{"/ip4/192.0.2.1/udp/22345/quic-v1/p2p/12D3KooWSelf", "/ip4/192.0.2.1/tcp/22345/p2p/12D3KooWSelf"}
}

func (h *fakeHost) Peers() []api.Peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.peers)
}

func (h *fakeHost) Connect(_ context.Context, addr string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dialled = append(h.dialled, addr)
	return h.connect
}

func (h *fakeHost) Vote(ctx context.Context, m *core.Message) (yes, asked int) { return h.vote(ctx, m) }

func (h *fakeHost) Sync() api.Sync {
	eta := 0.5
	return api.Sync{State: "blocks", Height: 3, BestHeader: 4, Walked: 4, Target: 4, BlocksPerSecond: 2, MessagesPerSecond: 3.5, BytesPerSecond: 1000, ETASeconds: &eta}
}

func (h *fakeHost) Links() api.Links {
	dht := 3
	return api.Links{Introducers: 1, Relays: 1, Known: 5, DHTNodes: &dht, Reach: "nat", Reachable: "relayed"}
}

// An aheadChain knows headers that it has no blocks of.
type aheadChain struct {
	api.Chain
	by uint64
}

func (c *aheadChain) BestHeader() chain.Tip {
	tip := c.Chain.Tip()
	tip.Header.Height += c.by
	return tip
}
