package coretest

import (
	"fmt"
	"slices"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A MemStore is a chain.Store in memory, as plain as can be, for tests of what stands on a store.
// It checks that every change fits what it has and fails the change otherwise.
type MemStore struct {
	mu      sync.Mutex
	entries map[core.Hash]chain.Entry
	blocks  map[core.Hash]*core.Block
	places  map[core.Hash][]chain.Place
	best    []core.Hash // by height
	reorgs  []chain.ReorgRecord
	commits int

	// Fail, where set, is asked before each change; its error is Commit's.
	Fail func(chain.Change) error
}

// NewMemStore returns a store that holds the genesis block.
func NewMemStore(n *core.Network) *MemStore {
	return &MemStore{
		entries: map[core.Hash]chain.Entry{n.Genesis: {Hash: n.Genesis, Header: n.Header}},
		blocks:  map[core.Hash]*core.Block{n.Genesis: n.GenesisBlock()},
		places:  make(map[core.Hash][]chain.Place),
		best:    []core.Hash{n.Genesis},
	}
}

// Tip implements chain.Store.
func (s *MemStore) Tip() (core.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.best[len(s.best)-1], nil
}

// Entry implements chain.Store.
func (s *MemStore) Entry(hash core.Hash) (chain.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[hash]
	if !ok {
		return chain.Entry{}, chain.ErrNotFound
	}
	return e, nil
}

// Sides implements chain.Store.
func (s *MemStore) Sides(f func(chain.Entry) error) error {
	s.mu.Lock()
	var sides []chain.Entry
	for hash := range s.blocks {
		if e := s.entries[hash]; !s.onBest(hash, e.Header.Height) {
			sides = append(sides, e)
		}
	}
	s.mu.Unlock()
	for _, e := range sides {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *MemStore) onBest(hash core.Hash, height uint64) bool {
	return height < uint64(len(s.best)) && s.best[height] == hash
}

// HashAt implements chain.Store.
func (s *MemStore) HashAt(height uint64) (core.Hash, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height >= uint64(len(s.best)) {
		return core.Hash{}, chain.ErrNotFound
	}
	return s.best[height], nil
}

// Frontier implements chain.Store.
func (s *MemStore) Frontier(height uint64) (core.Frontier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if height >= uint64(len(s.best)) {
		return core.Frontier{}, chain.ErrNotFound
	}
	var f core.Frontier
	for _, hash := range s.best[:height+1] {
		f = f.Append(hash)
	}
	return f, nil
}

// Raw implements chain.Store.
func (s *MemStore) Raw(hash core.Hash) (*core.RawBlock, error) {
	b, err := s.Block(hash)
	if err != nil {
		return nil, err
	}
	return b.Raw(), nil
}

// Block returns a stored block as it was stored; chain.ErrNotFound.
func (s *MemStore) Block(hash core.Hash) (*core.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blocks[hash]
	if !ok {
		return nil, chain.ErrNotFound
	}
	return b, nil
}

// Leaves implements chain.Store.
func (s *MemStore) Leaves(block core.Hash) ([]core.Leaf, error) {
	b, err := s.Block(block)
	if err != nil {
		return nil, err
	}
	return b.Leaves(), nil
}

// Message implements chain.Store for messages in blocks.
func (s *MemStore) Message(id core.Hash) (*core.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.places[id] {
		return s.blocks[p.Block].Messages[p.Position], nil
	}
	return nil, chain.ErrNotFound
}

// Places implements chain.Store.
func (s *MemStore) Places(ids ...core.Hash) ([][]chain.Place, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([][]chain.Place, len(ids))
	for i, id := range ids {
		out[i] = slices.Clone(s.places[id])
	}
	return out, nil
}

// Reorgs returns the records of all reorgs, oldest first.
func (s *MemStore) Reorgs() []chain.ReorgRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reorgs)
}

// Commits returns how many changes were made.
func (s *MemStore) Commits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// Commit implements chain.Store.
func (s *MemStore) Commit(c chain.Change) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Fail != nil {
		if err := s.Fail(c); err != nil {
			return err
		}
	}
	best := slices.Clone(s.best)
	for _, hash := range c.Revert {
		if best[len(best)-1] != hash {
			return fmt.Errorf("reverting %v, which is not the tip", hash)
		}
		best = best[:len(best)-1]
	}
	headers := make(map[core.Hash]core.Header)
	for _, b := range c.Store {
		headers[b.Hash] = b.Block.Header
	}
	for _, hash := range c.Apply {
		h, ok := headers[hash]
		if !ok {
			h = s.entries[hash].Header
		}
		if h.PreviousHash != best[len(best)-1] || h.Height != uint64(len(best)) {
			return fmt.Errorf("applying %v, which is not a child of the tip", hash)
		}
		best = append(best, hash)
	}
	s.best = best
	s.keep(c)
	return nil
}

// keep does the parts of a change that cannot fail.
func (s *MemStore) keep(c chain.Change) {
	for _, b := range c.Store {
		s.entries[b.Hash] = chain.Entry{Hash: b.Hash, Header: b.Block.Header, SeenMS: b.SeenMS}
		s.blocks[b.Hash] = b.Block
		for i, m := range b.Block.Messages {
			s.places[m.ID] = append(s.places[m.ID], chain.Place{Block: b.Hash, Height: b.Block.Header.Height, Position: i})
		}
	}
	for _, hash := range c.Forget {
		for _, m := range s.blocks[hash].Messages {
			s.places[m.ID] = slices.DeleteFunc(s.places[m.ID], func(p chain.Place) bool { return p.Block == hash })
		}
		delete(s.entries, hash)
		delete(s.blocks, hash)
	}
	for _, e := range c.Condemn {
		s.entries[e.Hash] = e
	}
	if c.Reorg != nil {
		record := *c.Reorg
		record.Returned = s.returned(c.Revert)
		s.reorgs = append(s.reorgs, record)
	}
	s.commits++
}

// returned counts the messages of reverted blocks that no block of the best chain holds.
func (s *MemStore) returned(reverted []core.Hash) int {
	count := 0
	for _, hash := range reverted {
		for _, m := range s.blocks[hash].Messages {
			if !slices.ContainsFunc(s.places[m.ID], func(p chain.Place) bool { return s.onBest(p.Block, p.Height) }) {
				count++
			}
		}
	}
	return count
}
