package gossip

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/semaphore"
)

const (
	maxRounds = 4 // at a time: one slow peer must not hold up the others
	maxRound  = 30 * time.Second
)

// A reconciler compares the waiting messages with those of single peers: with each new one, with each
// that joins a mesh, with a few after a reorg, and from time to time with the one that was asked the
// longest ago. What a round does is in round.go.
type reconciler struct {
	pool     Pool
	exchange Exchange
	hosts    Peers
	unspread *recent // gossip that comes later than we do must not stop here
	cfg      Config
	own      *walker
	offers   *semaphore.Weighted // that are being taken
	turns    *turns              // of those that offer
	wake     chan struct{}       // of capacity 1: the queue may have a peer that can be asked

	rounds, taken, given atomic.Uint64 // rounds that ended; messages that were new here, and there

	mu    sync.Mutex // guards peers and queue
	peers []*reconciled
	queue []*reconciled // first come, first asked; each has one place
}

// A reconciled peer is one that can be asked. Only the round in progress uses its cursor.
type reconciled struct {
	id    peer.ID
	asked time.Time // when the last round began; guarded by the reconciler
	busy  bool      // a round is in progress; guarded by the reconciler

	after uint64 // where its list was read up to, by a round that did not come to the end
}

func newReconciler(pool Pool, x Exchange, hosts Peers, unspread *recent, cfg Config) *reconciler {
	return &reconciler{
		pool: pool, exchange: x, hosts: hosts, unspread: unspread, cfg: cfg,
		own: newWalker(pool), offers: semaphore.NewWeighted(maxRounds), turns: newTurns(),
		wake: make(chan struct{}, 1),
	}
}

func (r *reconciler) peerUp(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.ContainsFunc(r.peers, func(p *reconciled) bool { return p.id == id }) {
		p := &reconciled{id: id}
		r.peers = append(r.peers, p)
		r.enqueue(p)
	}
}

// again reconciles with a peer, if it is up, when its turn comes.
func (r *reconciler) again(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.id == id {
			r.enqueue(p)
		}
	}
}

// knows reports whether a peer is up.
func (r *reconciler) knows(id peer.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.peers, func(p *reconciled) bool { return p.id == id })
}

func (r *reconciler) peerDown(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gone := func(p *reconciled) bool { return p.id == id }
	r.peers = slices.DeleteFunc(r.peers, gone)
	r.queue = slices.DeleteFunc(r.queue, gone)
}

// enqueue puts a peer at the end of the queue, unless it has a place. It is called with mu held.
func (r *reconciler) enqueue(p *reconciled) {
	if !slices.Contains(r.queue, p) {
		r.queue = append(r.queue, p)
	}
	r.poke()
}

func (r *reconciler) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // somebody is about to look
	}
}

// run reconciles until ctx ends, with a few peers at a time.
func (r *reconciler) run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for range maxRounds {
		workers.Go(func() { r.work(ctx) })
	}
	ticker := time.NewTicker(r.cfg.Reconcile)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			r.enqueueOldest(1)
		}
	}
}

// work asks one peer of the queue after the other.
func (r *reconciler) work(ctx context.Context) {
	for ctx.Err() == nil {
		if p := r.next(); p != nil {
			more := r.round(ctx, p)
			r.done(p, more)
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake:
		}
	}
}

// next takes the first peer out of the queue that is not being asked; nil if there is none.
func (r *reconciler) next() *reconciled {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.queue, func(p *reconciled) bool { return !p.busy })
	if i < 0 {
		return nil
	}
	p := r.queue[i]
	r.queue = slices.Delete(r.queue, i, i+1)
	p.busy, p.asked = true, time.Now()
	if len(r.queue) > 0 {
		r.poke() // the next worker
	}
	return p
}

// done ends a round. Where there is more to fetch the peer is asked again after the others that wait.
func (r *reconciler) done(p *reconciled, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p.busy = false
	if more && slices.Contains(r.peers, p) {
		r.enqueue(p)
	}
	if len(r.queue) > 0 {
		r.poke()
	}
}

// enqueueOldest lets the peers be asked that were asked the longest ago, up to so many.
func (r *reconciler) enqueueOldest(count int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := slices.SortedStableFunc(slices.Values(r.peers), func(a, b *reconciled) int { return a.asked.Compare(b.asked) })
	for _, p := range oldest[:min(len(oldest), count)] {
		r.enqueue(p)
	}
}
