package exchange

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// A kind is a protocol, as far as its rate is concerned.
type kind int

const (
	kindHello kind = iota
	kindHeaders
	kindBlocks
	kindMessages
	kindMempool
	kindVote
	kindPeers
	kindSketch
	kindOffer
	kinds
)

// rateOf says how often each peer may ask: units a second, and how many at once. A unit is a request,
// of blocks and sketches a KiB, of messages and offers a message.
func rateOf(k kind) (perSecond rate.Limit, burst int) {
	switch k {
	case kindHello:
		return 1, 5
	case kindHeaders:
		return 8, 240 // a full page takes 5 ms to read; the first 480,000 come as fast as that
	case kindMempool:
		return 20, 40
	case kindBlocks:
		return 64 << 10, 64 << 10
	case kindMessages:
		return 20000, 20000
	case kindPeers:
		return 0.5, 8
	case kindSketch:
		return 256, 4096
	case kindOffer:
		return 1024, 20000
	default: // kindVote
		return 10, 10
	}
}

const (
	blocksPerGuest = 2           // blocks held for one peer at a time
	headersAtOnce  = 2           // pages of headers read at a time, over all peers
	manyGuests     = 1024        // remembered before those who left are looked for
	forgetAfter    = time.Minute // by then every limiter is full again
)

// Guests are the peers that asked lately.
type guests struct {
	mu  sync.Mutex // guards what is below, and left and users of each guest
	all map[peer.ID]*guest
}

// A guest is what a server remembers of a peer.
type guest struct {
	limits [kinds]*rate.Limiter
	blocks *semaphore.Weighted

	users int       // streams open now
	left  time.Time // when the last one ended
}

func newGuests() *guests { return &guests{all: make(map[peer.ID]*guest)} }

// enter returns the guest of a peer, to be let go by leave.
func (gs *guests) enter(p peer.ID, now time.Time) *guest {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.all[p]
	if g == nil {
		if len(gs.all) >= manyGuests {
			gs.forget(now)
		}
		g = &guest{blocks: semaphore.NewWeighted(blocksPerGuest)}
		for k := range kinds {
			g.limits[k] = rate.NewLimiter(rateOf(k))
		}
		gs.all[p] = g
	}
	g.users++
	return g
}

func (gs *guests) leave(g *guest, now time.Time) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g.users--
	g.left = now
}

// forget drops those whose limits would be the same if they came anew.
func (gs *guests) forget(now time.Time) {
	for p, g := range gs.all {
		if g.users == 0 && now.Sub(g.left) >= forgetAfter {
			delete(gs.all, p)
		}
	}
}

// wait delays a request until its n units are within the peer's rate. One that would have to wait
// for longer than the asking side does is refused.
func (g *guest) wait(ctx context.Context, k kind, n int, longest time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	limiter := g.limits[k]
	if err := limiter.WaitN(ctx, min(n, limiter.Burst())); err != nil {
		return fmt.Errorf("asked too often: %w", err)
	}
	return nil
}
