package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

const (
	idsPage      = 4096 // 128 KiB
	maxPages     = 64   // a round: 262,144 ids
	messagesPage = 256  // fetched and stored together
	maxVain      = 4    // questions in a row that bring nothing
	maxRounds    = 4    // at a time: one slow peer must not hold up the others
	maxRound     = 30 * time.Second
	fullEvery    = 20 // rounds with a peer; the others look only at what came since the last one
)

// A reconciler compares the waiting messages with those of single peers: with each new one, with each
// that joins a mesh, and from time to time with the one that was asked the longest ago. It asks for the
// list from where it stopped the last time, so a round costs as much as there is new, and now and then
// for all of it.
type reconciler struct {
	pool     Pool
	exchange Exchange
	hosts    Peers
	unspread *recent // gossip that comes later than we do must not stop here
	cfg      Config
	taken    atomic.Uint64
	wake     chan struct{} // of capacity 1: the queue may have a peer that can be asked

	mu    sync.Mutex // guards peers and queue
	peers []*reconciled
	queue []*reconciled // first come, first asked; each has one place
}

// A reconciled peer is one that can be asked. Only the round in progress uses its cursor.
type reconciled struct {
	id    peer.ID
	asked time.Time // when the last round began; guarded by the reconciler
	busy  bool      // a round is in progress; guarded by the reconciler

	after  uint64 // where its list was read up to
	rounds int
}

func newReconciler(pool Pool, x Exchange, hosts Peers, unspread *recent, cfg Config) *reconciler {
	return &reconciler{pool: pool, exchange: x, hosts: hosts, unspread: unspread, cfg: cfg, wake: make(chan struct{}, 1)}
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
			r.enqueueOldest()
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

// enqueueOldest lets the peer be asked that was asked the longest ago.
func (r *reconciler) enqueueOldest() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.peers) > 0 {
		r.enqueue(slices.MinFunc(r.peers, func(a, b *reconciled) int { return a.asked.Compare(b.asked) }))
	}
}

// round reconciles with one peer and says what became of it. It reports whether it brought messages
// and ran out of time before all of them.
func (r *reconciler) round(ctx context.Context, p *reconciled) (more bool) {
	limited, cancel := context.WithTimeout(ctx, maxRound)
	defer cancel()
	if p.rounds%fullEvery == 0 {
		p.after = 0
	}
	p.rounds++
	taken, err := r.walk(limited, p)
	r.taken.Add(uint64(taken))
	log := r.cfg.Log.With("peer", p.id, "taken", taken)
	switch {
	case err == nil || ctx.Err() != nil:
		log.Debug("reconciled")
	case consensus.ClassOf(err) == consensus.Broken:
		r.hosts.Punish(p.id, err)
	case errors.Is(err, mempool.ErrFull):
		log.Debug("no room for the messages of a peer")
	case consensus.ClassOf(err) == consensus.Fault && limited.Err() == nil:
		log.Error("reconciling", "err", err)
	default:
		log.Debug("reconciling", "err", err)
	}
	return taken > 0 && err != nil && limited.Err() != nil
}

// walk reads the peer's list from the cursor on and fetches what is unknown. The cursor moves over
// what was fetched. It returns how many messages were new.
func (r *reconciler) walk(ctx context.Context, p *reconciled) (taken int, err error) {
	vain := 0
	for range maxPages {
		ids, next, err := r.exchange.Mempool(ctx, p.id, p.after, idsPage)
		if err != nil {
			return taken, err
		}
		if len(ids) == 0 {
			return taken, nil
		}
		ids = slices.DeleteFunc(ids, r.pool.Known)
		for chunk := range slices.Chunk(ids, messagesPage) {
			got, fresh, err := r.fetch(ctx, p.id, chunk)
			taken += fresh
			if err != nil {
				return taken, err
			}
			if got > 0 {
				vain = 0
			} else if vain++; vain == maxVain {
				return taken, errVain
			}
		}
		p.after = next
	}
	return taken, nil
}

// errVain means that a peer listed messages and gave none of them. A block may have taken some; all
// of them, again and again, were never there.
var errVain = consensus.NewRefusal("listed messages did not come", consensus.Undecided)

// fetch returns how many of the messages came, and how many of these were new.
func (r *reconciler) fetch(ctx context.Context, p peer.ID, ids []core.Hash) (came, fresh int, stop error) {
	msgs, err := r.exchange.Messages(ctx, p, ids)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range msgs {
		if !slices.Contains(ids, m.ID) {
			return 0, 0, fmt.Errorf("message %v was not asked for: %w", m.ID, core.ErrMalformed)
		}
	}
	for i, err := range r.pool.Add(msgs, mempool.Origin{Peer: p.String()}) {
		switch class := consensus.ClassOf(err); {
		case err == nil:
			fresh++
			r.unspread.add(msgs[i].ID)
		case class == consensus.Broken, class == consensus.Fault && stop == nil, errors.Is(err, mempool.ErrFull) && stop == nil:
			stop = err
		}
	}
	return len(msgs), fresh, stop
}
