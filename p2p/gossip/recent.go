package gossip

import (
	"sync"

	"p2pchain/core"
)

const (
	// maxForwarded is how many forwarded blocks are remembered; older ones are connected or hopeless,
	// and the chain says so.
	maxForwarded = 4096
	// maxUnspread is how many messages are remembered as taken and not forwarded.
	maxUnspread = 16384
)

// A recent set holds the last hashes that were put in. It is safe for concurrent use.
type recent struct {
	mu   sync.Mutex
	in   map[core.Hash]struct{}
	ring []core.Hash // in the order of arrival
	next int         // where the next one goes
}

func newRecent(size int) *recent {
	return &recent{in: make(map[core.Hash]struct{}, size), ring: make([]core.Hash, 0, size)}
}

// add reports whether the hash was new.
func (r *recent) add(hash core.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.in[hash]; ok {
		return false
	}
	r.in[hash] = struct{}{}
	if len(r.ring) < cap(r.ring) {
		r.ring = append(r.ring, hash)
		return true
	}
	delete(r.in, r.ring[r.next])
	r.ring[r.next] = hash
	r.next = (r.next + 1) % len(r.ring)
	return true
}

// remove takes a hash out early.
func (r *recent) remove(hash core.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.in, hash) // its place in the ring stays: at worst it goes early if it comes again
}

func (r *recent) has(hash core.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.in[hash]
	return ok
}
