package gossip

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

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

// A budget limits headers that cost their maker nothing: those of the classic proof of work. Each
// peer may send headerBurst at once and headerRate a second.
type budget struct {
	now func() time.Time

	mu    sync.Mutex
	peers map[peer.ID]allowance
}

type allowance struct {
	left float64
	at   time.Time
}

const (
	headerBurst   = 16
	headerRate    = 4
	maxAllowances = 1024
)

func newBudget(now func() time.Time) *budget {
	return &budget{now: now, peers: make(map[peer.ID]allowance)}
}

// spend reports whether a peer may send one more header now.
func (b *budget) spend(p peer.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	a, ok := b.peers[p]
	if !ok {
		b.forget(now)
		a = allowance{left: headerBurst, at: now}
	}
	a.left = min(headerBurst, a.left+headerRate*now.Sub(a.at).Seconds())
	a.at = now
	if a.left < 1 {
		b.peers[p] = a
		return false
	}
	a.left--
	b.peers[p] = a
	return true
}

// forget drops peers that are back at their full allowance, or all where that is not enough.
func (b *budget) forget(now time.Time) {
	if len(b.peers) < maxAllowances {
		return
	}
	for p, a := range b.peers {
		if now.Sub(a.at).Seconds() > headerBurst/headerRate {
			delete(b.peers, p)
		}
	}
	if len(b.peers) >= maxAllowances {
		clear(b.peers)
	}
}
