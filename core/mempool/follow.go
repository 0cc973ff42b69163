package mempool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

const (
	updatePage  = 64   // blocks of an update
	waitingPage = 1024 // waiting messages read in one go
	maxUpdates  = 1000 // pages of updates in one call; whoever is further behind starts anew
	maxRounds   = 16   // looks at a chain that moves all the time

	// fillPause lets messages that come one by one be read together; a template does not wait for it.
	fillPause = 50 * time.Millisecond
)

// Template returns the best chain's tip and the messages of a block on it, oldest first, at most
// maxMessages of them and with the header at most maxBlockBytes. The messages are valid on exactly
// that tip, and all that was accepted before the call is considered as far as memory reaches. The
// messages are shared: nobody may change them.
func (p *Pool) Template(maxMessages, maxBlockBytes int) (chain.Tip, []*core.Message, error) {
	p.following.Lock()
	defer p.following.Unlock()
	for range maxRounds {
		tip := p.chain.Tip()
		if err := p.catchUp(); err != nil {
			return chain.Tip{}, nil, err
		}
		p.mu.Lock()
		exact := p.at == tip.Hash
		var msgs []*core.Message
		if exact {
			msgs = p.memory.oldest(maxMessages, maxBlockBytes)
		}
		p.mu.Unlock()
		if exact {
			return tip, msgs, nil
		}
	}
	return chain.Tip{}, nil, errBehind
}

// Run follows the chain and keeps memory filled until ctx ends, then returns nil. The pool works
// without it, only slower: Template has more to catch up with.
func (p *Pool) Run(ctx context.Context) error {
	moved, stop := p.chain.Subscribe()
	defer stop()
	added, stopAdded := p.Subscribe()
	defer stopAdded()
	for {
		if err := p.follow(ctx); err != nil {
			p.cfg.Log.Error("following the chain", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
			continue
		case <-added:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
		case <-time.After(fillPause):
		}
	}
}

// follow catches up, and lets others have the lock between two pages of the rest.
func (p *Pool) follow(ctx context.Context) error {
	for ctx.Err() == nil {
		p.following.Lock()
		err := p.catchUp()
		more := false
		if err == nil {
			more, err = p.indexOn()
		}
		p.following.Unlock()
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// catchUp brings memory to the chain's tip and fills it. The caller holds following.
func (p *Pool) catchUp() error {
	for range maxUpdates {
		if p.at == p.chain.Tip().Hash {
			return p.fill()
		}
		update, err := p.chain.UpdatesSince(p.at, updatePage)
		if errors.Is(err, chain.ErrNotFound) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading what followed block %v: %w", p.at, err)
		}
		if err := p.apply(update); err != nil {
			return err
		}
	}
	p.reset()
	return p.fill()
}

// apply moves memory along an update. What the reverted blocks gave back needs nothing here: it
// waits under new Seqs, which fill reads.
func (p *Pool) apply(u chain.Update) error {
	var sealed []core.Leaf
	for _, block := range u.Applied {
		leaves, err := p.store.Leaves(block)
		if err != nil {
			return fmt.Errorf("reading the leaves of block %v: %w", block, err)
		}
		sealed = append(sealed, leaves...)
	}
	if err := p.indexReverted(u.Reverted); err != nil {
		return err
	}
	p.mu.Lock()
	for i := range sealed {
		p.memory.remove(sealed[i].ID)
		p.leaves.remove(sealed[i].ID)
	}
	p.at = u.Tip
	p.mu.Unlock()
	if len(u.Reverted) > 0 {
		p.pokes.poke()
	}
	return nil
}

// indexReverted lets what blocks gave back be found. Those that the new branch holds are taken out
// again with its leaves.
func (p *Pool) indexReverted(blocks []core.Hash) error {
	for _, block := range blocks {
		leaves, err := p.store.Leaves(block)
		if errors.Is(err, chain.ErrNotFound) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return fmt.Errorf("reading the leaves of block %v: %w", block, err)
		}
		for i := range leaves {
			p.leaves.add(leaves[i], false)
		}
	}
	return nil
}

// reset forgets all that is in memory and starts at the chain's tip: memory is only a cache. The caller
// holds following.
func (p *Pool) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory = newMemory(p.cfg.MemoryBytes)
	p.leaves.clear()
	p.indexed = 0
	p.at = p.chain.Tip().Hash
}

// fill reads on in the list of waiting messages until its end or that of memory's room. A page of
// another tip is not used, since what it lists may be sealed on ours: the chain is about to tell of
// the move, and then fill is called again.
func (p *Pool) fill() error {
	for {
		page, err := p.store.Waiting(p.memory.edge, waitingPage)
		if err != nil {
			return fmt.Errorf("reading waiting messages: %w", err)
		}
		if page.Tip != p.at {
			return nil
		}
		for _, w := range page.Messages {
			if !p.take(w) {
				p.setComplete(false)
				return nil
			}
		}
		if len(page.Messages) == 0 {
			p.setComplete(true)
			return nil
		}
	}
}

func (p *Pool) setComplete(complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory.complete = complete
}

// take puts one waiting message into the window and reports whether there was room. One that cannot
// be read is passed over: it must not keep the others from being sealed.
func (p *Pool) take(w Waiting) bool {
	p.mu.Lock()
	m, held := p.memory.message(w.ID)
	fits := p.memory.fits(w.ID, int64(w.Size)+entryOverhead)
	p.mu.Unlock()
	if !fits {
		return false
	}
	var err error
	if !held {
		m, err = p.store.Message(w.ID)
	}
	if err == nil && m.Body == nil {
		err = consensus.ErrBodyMissing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.cfg.Log.Error("reading a waiting message", "id", w.ID, "err", err)
		p.memory.edge = w.Seq
		return true
	}
	p.memory.push(w.Seq, m)
	p.leaves.add(m.Leaf(), true)
	return true
}
