package mempool

import (
	"errors"
	"fmt"
	"sync"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// ErrTooLarge means that short ids name more bytes of messages than a block may hold.
var ErrTooLarge = errors.New("more bytes than a block may hold")

// maxIndexed is how many waiting messages can be found by their short ids: four full blocks, at about
// 130 bytes each. Those beyond wait behind them, and are looked up in turn.
const maxIndexed = 1 << 17

// A leafIndex keeps the leaf hashes of waiting messages, of which the short ids of every new block are
// made: to hash an id and a signature anew for each block would take longer than all the rest. It is
// safe for concurrent use; a Pool takes its lock after its own.
type leafIndex struct {
	mu      sync.Mutex // guards what is below
	entries []leafEntry
	where   map[core.Hash]int // places in entries, by id
}

type leafEntry struct{ id, leaf core.Hash }

func newLeafIndex() *leafIndex { return &leafIndex{where: make(map[core.Hash]int)} }

// add puts a message in. Where there is no room, one that is to be sealed soon takes the place of the
// one that came last; others stay out.
func (x *leafIndex) add(leaf core.Leaf, soon bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, known := x.where[leaf.ID]; known {
		return
	}
	if len(x.entries) >= maxIndexed {
		if !soon {
			return
		}
		x.removeLast()
	}
	x.where[leaf.ID] = len(x.entries)
	x.entries = append(x.entries, leafEntry{leaf.ID, leaf.Hash()})
}

func (x *leafIndex) removeLast() {
	last := len(x.entries) - 1
	delete(x.where, x.entries[last].id)
	x.entries = x.entries[:last]
}

func (x *leafIndex) remove(id core.Hash) {
	x.mu.Lock()
	defer x.mu.Unlock()
	at, ok := x.where[id]
	if !ok {
		return
	}
	last := x.entries[len(x.entries)-1]
	x.entries[at], x.where[last.id] = last, at
	x.entries = x.entries[:len(x.entries)-1]
	delete(x.where, id)
}

func (x *leafIndex) clear() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries, x.where = nil, make(map[core.Hash]int)
}

func (x *leafIndex) has(id core.Hash) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, ok := x.where[id]
	return ok
}

func (x *leafIndex) len() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.entries)
}

// A match looks for the messages that the short ids of one block name.
type match struct {
	key   core.ShortKey
	at    map[core.ShortID]int32 // places in hits
	hits  []hit                  // by position in the block
	twice []bool                 // positions whose short id another one has, too
}

// A hit is a message of this short id.
type hit struct {
	id, leaf  core.Hash
	count     int             // of messages: with more than one nobody knows which is meant
	signature *core.Signature // of a sealed one; its record may have another
}

func newMatch(block core.Hash, short []core.ShortID) *match {
	m := &match{
		key: core.ShortKeyOf(block), at: make(map[core.ShortID]int32, len(short)),
		hits: make([]hit, len(short)), twice: make([]bool, len(short)),
	}
	for i, id := range short {
		if first, ok := m.at[id]; ok {
			m.twice[first], m.twice[i] = true, true
			continue
		}
		m.at[id] = int32(i)
	}
	return m
}

func (m *match) try(e *leafEntry, signature *core.Signature) {
	i, ok := m.at[m.key.ID(&e.leaf)]
	if !ok {
		return
	}
	h := &m.hits[i]
	if h.count > 0 && h.leaf == e.leaf {
		return
	}
	*h = hit{e.id, e.leaf, h.count + 1, signature}
}

func (x *leafIndex) search(m *match) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.entries {
		m.try(&x.entries[i], nil)
	}
}

// Match returns for each short id of a block the message that it names: one that waits, or that one of
// these blocks of ours holds. It is nil where none is known, and where several messages or several
// places in the block share the short id. Whether the messages are those of the block is for its
// message root to say. The messages are shared: nobody may change them.
func (p *Pool) Match(block core.Hash, short []core.ShortID, sealed []core.Hash) ([]*core.Message, error) {
	m := newMatch(block, short)
	p.leaves.search(m)
	for _, hash := range sealed {
		leaves, err := p.store.Leaves(hash)
		if errors.Is(err, chain.ErrNotFound) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading the leaves of block %v: %w", hash, err)
		}
		for i := range leaves {
			m.try(&leafEntry{leaves[i].ID, leaves[i].Hash()}, &leaves[i].Signature)
		}
	}
	return p.collect(m)
}

// collect returns the messages of the hits, from memory or from disk.
func (p *Pool) collect(m *match) ([]*core.Message, error) {
	out := make([]*core.Message, len(m.hits))
	p.mu.Lock()
	for i := range m.hits {
		if h := &m.hits[i]; h.count == 1 && h.signature == nil && !m.twice[i] {
			out[i], _ = p.memory.message(h.id)
		}
	}
	p.mu.Unlock()
	size := core.HeaderSize
	for i := range m.hits {
		h := &m.hits[i]
		if h.count != 1 || m.twice[i] {
			continue
		}
		if out[i] == nil {
			found, err := p.store.Message(h.id)
			if errors.Is(err, chain.ErrNotFound) {
				continue // its side block was forgotten meanwhile
			}
			if err != nil {
				return nil, fmt.Errorf("reading message %v: %w", h.id, err)
			}
			if h.signature != nil {
				found.Signature = *h.signature
			}
			if found.Body == nil {
				continue
			}
			out[i] = found
		}
		// Whoever makes up short ids could name the largest messages that wait.
		if size += out[i].Size(); size > p.network.Params.MaxBlockBytes {
			return nil, ErrTooLarge
		}
	}
	return out, nil
}

// indexOn reads a page of the waiting messages that memory has no room for, so that they are found by
// their short ids, and reports whether there may be more. The caller holds following.
func (p *Pool) indexOn() (more bool, err error) {
	p.mu.Lock()
	complete, edge := p.memory.complete, p.memory.edge
	p.mu.Unlock()
	p.indexed = max(p.indexed, edge)
	if complete || p.leaves.len() > maxIndexed-waitingPage {
		return false, nil
	}
	page, err := p.store.Waiting(p.indexed, waitingPage)
	if err != nil {
		return false, fmt.Errorf("reading waiting messages: %w", err)
	}
	if page.Tip != p.at {
		return false, nil // the chain is about to tell
	}
	for _, w := range page.Messages {
		p.indexed = w.Seq
		if p.leaves.has(w.ID) {
			continue
		}
		m, err := p.store.Message(w.ID)
		if err != nil {
			p.cfg.Log.Error("reading a waiting message", "id", w.ID, "err", err)
			continue
		}
		p.leaves.add(m.Leaf(), false)
	}
	return len(page.Messages) == waitingPage, nil
}
