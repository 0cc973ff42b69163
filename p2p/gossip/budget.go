package gossip

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// A budget bounds what single peers may send of something: burst at once, and rate a second.
type budget struct {
	now         func() time.Time
	burst, rate float64

	mu    sync.Mutex
	peers map[peer.ID]allowance
}

type allowance struct {
	left float64
	at   time.Time
}

const (
	// Headers of the classic proof of work cost their maker nothing.
	headerBurst = 16
	headerRate  = 4
	// Bytes that brought nothing new are read in vain. Honest peers send far less of them: each bundle
	// goes over a line once, and most of it is new to somebody.
	vainBurst = 8 << 20
	vainRate  = 2 << 20

	maxAllowances = 1024
)

func newBudget(now func() time.Time, burst, rate float64) *budget {
	return &budget{now: now, burst: burst, rate: rate, peers: make(map[peer.ID]allowance)}
}

// spend reports whether a peer may send n more now, and if so counts them.
func (b *budget) spend(p peer.ID, n float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	a, ok := b.peers[p]
	if !ok {
		b.forget(now)
		a = allowance{left: b.burst, at: now}
	}
	a = allowance{left: b.left(a, now), at: now}
	enough := a.left >= n
	if enough {
		a.left -= n
	}
	b.peers[p] = a
	return enough
}

// affords reports whether a peer may send n more now, and counts nothing.
func (b *budget) affords(p peer.ID, n float64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, ok := b.peers[p]
	return !ok || b.left(a, b.now()) >= n
}

// forgive ends a debt.
func (b *budget) forgive(p peer.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.peers[p]; ok {
		a.left = max(0, a.left)
		b.peers[p] = a
	}
}

// owe counts n, whatever is left, and returns for how long the peer is then over its allowance.
func (b *budget) owe(p peer.ID, n float64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	a, ok := b.peers[p]
	if !ok {
		b.forget(now)
		a = allowance{left: b.burst, at: now}
	}
	a = allowance{left: b.left(a, now) - n, at: now}
	b.peers[p] = a
	return time.Duration(max(0, -a.left) / b.rate * float64(time.Second))
}

// refund gives back what was spent on something that proved its worth.
func (b *budget) refund(p peer.ID, n float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.peers[p]; ok {
		a.left = min(b.burst, a.left+n)
		b.peers[p] = a
	}
}

func (b *budget) left(a allowance, now time.Time) float64 {
	return min(b.burst, a.left+b.rate*now.Sub(a.at).Seconds())
}

// forget drops peers that are back at their full allowance, or all where that is not enough.
func (b *budget) forget(now time.Time) {
	if len(b.peers) < maxAllowances {
		return
	}
	for p, a := range b.peers {
		if b.left(a, now) == b.burst {
			delete(b.peers, p)
		}
	}
	if len(b.peers) >= maxAllowances {
		clear(b.peers)
	}
}
