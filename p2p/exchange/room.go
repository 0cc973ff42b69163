package exchange

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// minBlockRate is how fast, in bytes a second, a peer has to read a block while others wait for the
// memory that it takes.
const minBlockRate = 256 << 10

// A room is the memory of the blocks that are being sent. Those who read slowly have it for as long as
// nobody else wants it: a slow line is no offence, but must not keep others from being answered.
type room struct {
	free  *semaphore.Weighted // bytes
	grace time.Duration       // for every block, and between two that are ended for others

	mu    sync.Mutex // guards what is below
	holds map[*hold]struct{}
	ended time.Time // when the last one was ended for others
}

// A hold is a block that is being sent.
type hold struct {
	since time.Time
	size  int64        // of the block
	sent  func() int64 // bytes of it so far
	end   func()
}

func newRoom(size int64, grace time.Duration) *room {
	return &room{free: semaphore.NewWeighted(size), grace: grace, holds: make(map[*hold]struct{})}
}

// take waits until n bytes are free, and while it does, ends the slowest block from time to time.
func (r *room) take(ctx context.Context, n int64) error {
	if r.free.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer cancel()
	waiting.Go(func() {
		ticker := time.NewTicker(r.grace / 2)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				r.endSlowest(now)
			}
		}
	})
	return r.free.Acquire(ctx, n)
}

// give takes back what take gave.
func (r *room) give(n int64) { r.free.Release(n) }

// watch has a block ended if others wait and it is too slow. The function it returns stops this.
func (r *room) watch(h *hold) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds[h] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.holds, h)
	}
}

// endSlowest ends the block that would take the longest, if it is below the rate. Where our own line
// is too narrow for all of them that is one of the last to begin, so that the first ones get through.
func (r *room) endSlowest(now time.Time) {
	r.mu.Lock()
	var slowest *hold
	if now.Sub(r.ended) >= r.grace {
		for h := range r.holds {
			if h.tooSlow(now, r.grace) && (slowest == nil || h.left(now) > slowest.left(now)) {
				slowest = h
			}
		}
	}
	if slowest != nil {
		r.ended = now
		delete(r.holds, slowest)
	}
	r.mu.Unlock()
	if slowest != nil {
		slowest.end()
	}
}

func (h *hold) tooSlow(now time.Time, grace time.Duration) bool {
	age := now.Sub(h.since)
	return age >= grace && float64(h.sent()) < minBlockRate*age.Seconds()
}

// left returns the seconds that the rest of the block will take.
func (h *hold) left(now time.Time) float64 {
	sent := float64(h.sent())
	return (float64(h.size) - sent) * now.Sub(h.since).Seconds() / (sent + 1)
}
