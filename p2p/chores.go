package p2p

import (
	"sync"
	"time"
)

// maxChores bounds the things to do later; more than that means that peers come faster than they can
// be let go, and then the connection manager does it.
const maxChores = 256

// chores are small things that are done a little later, each in its own goroutine.
type chores struct {
	mu      sync.Mutex // guards timers and stopped
	timers  map[*time.Timer]struct{}
	stopped bool
	running sync.WaitGroup
}

// add does f after a while, unless stop comes first or there are too many.
func (c *chores) add(wait time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || len(c.timers) >= maxChores {
		return
	}
	if c.timers == nil {
		c.timers = make(map[*time.Timer]struct{})
	}
	var timer *time.Timer
	c.running.Add(1)
	timer = time.AfterFunc(wait, func() {
		defer c.running.Done()
		f()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, timer)
	})
	c.timers[timer] = struct{}{}
}

// stop forgets what has not begun and waits for the rest.
func (c *chores) stop() {
	c.mu.Lock()
	c.stopped = true
	for timer := range c.timers {
		if timer.Stop() {
			c.running.Done()
		}
	}
	c.mu.Unlock()
	c.running.Wait()
}
