package gossip

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

const (
	maxHeld     = 64
	maxHeldTime = 10 * time.Minute

	heldPerPeer  = 16          // announcements of up to 200 KiB
	heldPerBlock = maxVersions // by different peers: the short ids of the first may be made up
)

// A held announcement is valid but for its time, which is too far ahead of our clock.
type held struct {
	due  time.Time
	hash core.Hash
	from peer.ID
	data []byte
}

// A future keeps announcements until their time has come. Nobody is punished for them: the wrong
// clock may be ours. It is safe for concurrent use.
type future struct {
	wake chan struct{} // of capacity 1: the first one may have changed

	mu   sync.Mutex
	held []held // by due time
}

func newFuture() *future { return &future{wake: make(chan struct{}, 1)} }

// add keeps an announcement. Those that are due last give way where there are too many, and no peer
// may have many of them.
func (f *future) add(h held) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ofPeer, ofBlock := 0, 0
	for _, x := range f.held {
		if x.from == h.from {
			ofPeer++
		}
		if x.hash != h.hash {
			continue
		}
		if ofBlock++; x.from == h.from || ofBlock == heldPerBlock {
			return
		}
	}
	if ofPeer == heldPerPeer {
		return
	}
	at := sort.Search(len(f.held), func(i int) bool { // after those of the same block, so the first stays the first
		return cmp.Or(f.held[i].due.Compare(h.due), f.held[i].hash.Compare(h.hash)) > 0
	})
	f.held = slices.Insert(f.held, at, h)
	if len(f.held) > maxHeld {
		f.held = slices.Delete(f.held, maxHeld, len(f.held))
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// due takes out what is due, and returns how long until the next one.
func (f *future) due(now time.Time) ([]held, time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for n < len(f.held) && !f.held[n].due.After(now) {
		n++
	}
	out := slices.Clone(f.held[:n])
	f.held = slices.Delete(f.held, 0, n)
	if len(f.held) == 0 {
		return out, maxHeldTime
	}
	return out, f.held[0].due.Sub(now)
}

func (f *future) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.held)
}

// hold keeps an announcement whose time is too far ahead, unless it is absurdly so.
func (g *Gossip) hold(from peer.ID, data []byte) {
	a, err := decodeAnnouncement(data)
	if err != nil {
		return // it was decoded before
	}
	due := time.UnixMilli(int64(a.header.TimeMS - consensus.MaxFutureMS))
	if due.Sub(g.cfg.Now()) > maxHeldTime {
		return
	}
	g.future.add(held{due: due, hash: a.hash, from: from, data: data})
}

// releaseFuture uses and forwards held announcements when they are due.
func (g *Gossip) releaseFuture(ctx context.Context) error {
	for {
		due, wait := g.future.due(g.cfg.Now())
		for _, h := range due {
			if err := g.release(ctx, h); err != nil && ctx.Err() == nil {
				g.cfg.Log.Debug("held header", "hash", h.hash, "peer", h.from, "err", err)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-g.future.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// release is what the validator would have done. Pubsub publishes bytes that it knows only as ignored.
func (g *Gossip) release(ctx context.Context, h held) error {
	if err := g.takeAnnouncement(h.from, h.data); err != nil {
		return err
	}
	_, topic := g.joined()
	if topic == nil {
		return ErrNotRunning
	}
	return topic.Publish(ctx, h.data)
}
