package gossip

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	maxRound     = 5 * time.Minute
	fullEvery    = 20 // rounds with a peer; the others look only at what came since the last one
)

// A reconciler compares the waiting messages with those of single peers: with each new one, with each
// that joins a mesh, and with a random one from time to time. It asks for the list from where it stopped the last time, so a
// round costs as much as there is new, and now and then for all of it.
type reconciler struct {
	pool     Pool
	exchange Exchange
	hosts    Peers
	unspread *recent // gossip that comes later than we do must not stop here
	cfg      Config
	taken    atomic.Uint64
	wake     chan struct{} // of capacity 1: there is a new peer

	mu    sync.Mutex // guards peers
	peers []*reconciled
}

// A reconciled peer is one that can be asked. Only the goroutine of run uses its cursor.
type reconciled struct {
	id     peer.ID
	asked  bool   // since it came or joined a mesh
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
		r.peers = append(r.peers, &reconciled{id: id})
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// again reconciles with a peer, if it is up, as if it were new.
func (r *reconciler) again(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if p.id == id {
			p.asked = false
		}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reconciler) peerDown(id peer.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers = slices.DeleteFunc(r.peers, func(p *reconciled) bool { return p.id == id })
}

// run reconciles until ctx ends, with one peer at a time.
func (r *reconciler) run(ctx context.Context) error {
	ticker := time.NewTicker(r.cfg.Reconcile)
	defer ticker.Stop()
	for {
		for p := r.newcomer(); p != nil && ctx.Err() == nil; p = r.newcomer() {
			r.round(ctx, p)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case <-ticker.C:
			if p := r.anybody(); p != nil {
				r.round(ctx, p)
			}
		}
	}
}

// newcomer returns a peer that was not asked since it came or joined a mesh; nil if there is none.
func (r *reconciler) newcomer() *reconciled {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.peers {
		if !p.asked {
			p.asked = true
			return p
		}
	}
	return nil
}

func (r *reconciler) anybody() *reconciled {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.peers) == 0 {
		return nil
	}
	return r.peers[rand.IntN(len(r.peers))]
}

// round reconciles with one peer and says what became of it.
func (r *reconciler) round(ctx context.Context, p *reconciled) {
	limited, cancel := context.WithTimeout(ctx, maxRound)
	defer cancel()
	if p.rounds%fullEvery == 0 {
		p.after = 0
	}
	p.rounds++
	before := r.taken.Load()
	err := r.walk(limited, p)
	log := r.cfg.Log.With("peer", p.id, "taken", r.taken.Load()-before)
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
}

// walk reads the peer's list from the cursor on and fetches what is unknown. The cursor moves over
// what was fetched.
func (r *reconciler) walk(ctx context.Context, p *reconciled) error {
	vain := 0
	for range maxPages {
		ids, next, err := r.exchange.Mempool(ctx, p.id, p.after, idsPage)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		ids = slices.DeleteFunc(ids, r.pool.Known)
		for chunk := range slices.Chunk(ids, messagesPage) {
			got, err := r.fetch(ctx, p.id, chunk)
			if err != nil {
				return err
			}
			if got > 0 {
				vain = 0
			} else if vain++; vain == maxVain {
				return errVain
			}
		}
		p.after = next
	}
	return nil
}

// errVain means that a peer listed messages and gave none of them. A block may have taken some; all
// of them, again and again, were never there.
var errVain = consensus.NewRefusal("listed messages did not come", consensus.Undecided)

// fetch returns how many of the messages came.
func (r *reconciler) fetch(ctx context.Context, p peer.ID, ids []core.Hash) (int, error) {
	msgs, err := r.exchange.Messages(ctx, p, ids)
	if err != nil {
		return 0, err
	}
	for _, m := range msgs {
		if !slices.Contains(ids, m.ID) {
			return 0, fmt.Errorf("message %v was not asked for: %w", m.ID, core.ErrMalformed)
		}
	}
	var stop error
	for i, err := range r.pool.Add(msgs, mempool.Origin{Peer: p.String()}) {
		switch class := consensus.ClassOf(err); {
		case err == nil:
			r.taken.Add(1)
			r.unspread.add(msgs[i].ID)
		case class == consensus.Broken, class == consensus.Fault && stop == nil, errors.Is(err, mempool.ErrFull) && stop == nil:
			stop = err
		}
	}
	return len(msgs), stop
}
