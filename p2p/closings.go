package p2p

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// maxGraces bounds the peers that are let go a little later. Beyond it, peers come faster than they
// can be told why, and they are let go at once.
const maxGraces = 256

// closings are the peers that are about to be let go, each at most once. None is ever forgotten, and
// there are no more than connected peers.
type closings struct {
	mu      sync.Mutex // guards pending and stopped
	pending map[peer.ID]*closing
	stopped bool
	running sync.WaitGroup
}

// A closing lets one peer go.
type closing struct {
	timer *time.Timer
	at    time.Time
}

// add lets a peer go by f after a while, or earlier if that was to be done already, unless stop comes
// first.
func (c *closings) add(p peer.ID, wait time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	if c.pending == nil {
		c.pending = make(map[peer.ID]*closing)
	}
	old := c.pending[p]
	if old == nil && len(c.pending) >= maxGraces {
		wait = 0
	}
	at := time.Now().Add(wait)
	if old != nil {
		if !at.Before(old.at) {
			return
		}
		c.drop(old)
	}
	next := &closing{at: at}
	c.pending[p] = next
	c.running.Add(1)
	next.timer = time.AfterFunc(wait, func() {
		defer c.running.Done()
		c.begin(p, next)
		f()
	})
}

// begin makes room for the next closing of a peer: it may come back while this one is in progress.
func (c *closings) begin(p peer.ID, this *closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[p] == this {
		delete(c.pending, p)
	}
}

// drop forgets a closing that has not begun. It is called with mu held.
func (c *closings) drop(old *closing) {
	if old.timer.Stop() {
		c.running.Done()
	}
}

// stop forgets what has not begun and waits for the rest.
func (c *closings) stop() {
	c.mu.Lock()
	c.stopped = true
	for _, pending := range c.pending {
		c.drop(pending)
	}
	c.mu.Unlock()
	c.running.Wait()
}
