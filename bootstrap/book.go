package bootstrap

import (
	"context"
	"fmt"
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
)

// A Book keeps entries over restarts, one for each peer. Bootstrap reads it once, when Run starts, and
// then only writes, from one goroutine at a time. An entry may be lost or old without harm.
type Book interface {
	// Peers returns every entry. An entry that cannot be read is left out, not an error.
	Peers(ctx context.Context) ([]Entry, error)
	// Put stores the entry in place of an earlier one of the same peer.
	Put(ctx context.Context, e Entry) error
	// Remove forgets a peer; a peer that is not there is no error.
	Remove(ctx context.Context, id peer.ID) error
}

// A MemoryBook is a Book that is lost with the process, for tests and for nodes without a disk. Its zero
// value is empty and ready, and it is safe for concurrent use. It keeps encoded entries, so it refuses
// what a book on disk would refuse.
type MemoryBook struct {
	mu      sync.Mutex // guards entries
	entries map[peer.ID][]byte
}

// Peers returns every entry, in no particular order.
func (m *MemoryBook) Peers(context.Context) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Entry, 0, len(m.entries))
	for id, raw := range m.entries {
		var e Entry
		if err := e.UnmarshalBinary(raw); err != nil {
			return nil, fmt.Errorf("read entry of %v: %w", id, err)
		}
		all = append(all, e)
	}
	return all, nil
}

// Put stores e in place of an earlier entry of the same peer.
func (m *MemoryBook) Put(_ context.Context, e Entry) error {
	raw, err := e.MarshalBinary()
	if err != nil {
		return fmt.Errorf("put entry of %v: %w", e.ID, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = make(map[peer.ID][]byte)
	}
	m.entries[e.ID] = raw
	return nil
}

// Remove forgets a peer.
func (m *MemoryBook) Remove(_ context.Context, id peer.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.entries, id)
	return nil
}
