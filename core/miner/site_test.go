package miner_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/miner"
)

// A site is what a miner works at: a real chain in memory, and a list of messages.
type site struct {
	t     testing.TB
	n     *core.Network
	chain *chain.Chain
	news  chan struct{}
	miner *miner.Miner

	mu        sync.Mutex
	waiting   []*core.Message
	templates atomic.Int64
	source    error // what Template fails with
	submit    error // what submit fails with
	sealed    []*core.Block
	tips      []chain.Tip // the parent of each
}

func newSite(t testing.TB, n *core.Network, edits ...func(*miner.Config)) *site {
	t.Helper()
	cfg := chain.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.Now = func() time.Time { return time.UnixMilli(core.MaxTimeMS) } // no block is in the future
	c, err := chain.Open(n, coretest.NewMemStore(n), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, n: n, chain: c, news: make(chan struct{}, 1)}
	mc := miner.DefaultConfig()
	for _, edit := range edits {
		edit(&mc)
	}
	if s.miner, err = miner.New(n, s, c, s.take, mc, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return s
}

// run runs the miner until the returned function is called.
func (s *site) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context())) // which ends before Cleanup
	done := make(chan error, 1)
	go func() { done <- s.miner.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("Run = %v", err)
		}
	})
}

// Subscribe implements miner.Source.
func (s *site) Subscribe() (<-chan struct{}, func()) { return s.news, func() {} }

// Template implements miner.Source.
func (s *site) Template(maxMessages, maxBlockBytes int) (chain.Tip, []*core.Message, error) {
	tip := s.chain.Tip()
	sealed := make(map[core.Hash]bool)
	for hash := tip.Hash; hash != s.n.Genesis; {
		b, err := s.chain.Block(hash)
		if err != nil {
			return tip, nil, err
		}
		for _, m := range b.Messages {
			sealed[m.ID] = true
		}
		hash = b.Header.PreviousHash
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates.Add(1)
	var out []*core.Message
	size := core.HeaderSize
	for _, m := range s.waiting {
		if size += m.Size(); len(out) == maxMessages || size > maxBlockBytes {
			break
		}
		if !sealed[m.ID] {
			out = append(out, m)
		}
	}
	return tip, out, s.source
}

// add lets messages wait.
func (s *site) add(texts ...string) {
	s.mu.Lock()
	for _, text := range texts {
		s.waiting = append(s.waiting, coretest.Message(s.t, s.n, coretest.Key(0), text))
	}
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// take is the miner's submit: it holds every block against the rules.
func (s *site) take(_ context.Context, b *core.Block) error {
	parent := s.chain.Tip()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.submit != nil {
		return s.submit
	}
	if err := consensus.CheckHeader(s.n, &parent.Header, parent.Hash, parent.History, &b.Header); err != nil {
		s.t.Errorf("sealed header %d: %v", b.Header.Height, err)
	}
	if err := consensus.CheckBlock(s.n, b); err != nil {
		s.t.Errorf("sealed block %d: %v", b.Header.Height, err)
	}
	s.sealed, s.tips = append(s.sealed, b), append(s.tips, parent)
	_, err := s.chain.AddBlocks([]*core.Block{b})
	return err
}

// fail sets what Template and submit fail with from now on.
func (s *site) fail(source, submit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source, s.submit = source, submit
}

// blocks returns what was sealed so far.
func (s *site) blocks() []*core.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sealed)
}

// rival puts somebody else's block onto the tip.
func (s *site) rival() {
	s.t.Helper()
	b := coretest.Next(s.t, s.n, coretest.Tip(s.chain.Tip()))
	if _, err := s.chain.AddBlocks([]*core.Block{b}); err != nil {
		s.t.Fatal(err)
	}
}
