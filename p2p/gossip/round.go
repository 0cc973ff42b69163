package gossip

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/sketch"
)

const (
	idsPage      = 4096  // 128 KiB
	maxPages     = 64    // a round: 262,144 ids
	messagesPage = 256   // fetched and stored together
	maxVain      = 4     // questions or offers in a row that bring nothing
	maxSketches  = 4     // a round
	maxOffered   = 16384 // a round

	maxOfferWait = 8 * time.Second // for a turn: a quick answer still finds the peer waiting
	// maxOfferTime is for the messages of an offer: longer than the exchange needs to tell a stall from a
	// slow line.
	maxOfferTime = 13 * time.Second
	// offerRest is for how long nothing is taken from a peer whose offer did not come in time: it need
	// not break a rule to hold a turn for as long as that.
	offerRest = time.Minute
)

// round reconciles with one peer and says what became of it. It reports whether it brought messages
// and ran out of time before all of them.
func (r *reconciler) round(ctx context.Context, p *reconciled) (more bool) {
	limited, cancel := context.WithTimeout(ctx, maxRound)
	defer cancel()
	taken, given, err := r.reconcile(limited, p)
	r.rounds.Add(1)
	log := r.cfg.Log.With("peer", p.id, "taken", taken, "given", given)
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
	return taken+given > 0 && err != nil && limited.Err() != nil
}

// reconcile finds out by sketches what one side has and the other has not, fetches the one and offers
// the other. Where that is too much for a sketch, it reads the peer's whole list; the peer's own
// rounds read ours.
func (r *reconciler) reconcile(ctx context.Context, p *reconciled) (taken, given int, err error) {
	if p.after > 0 {
		taken, err = r.readList(ctx, p)
		return taken, 0, err
	}
	ours, theirs, small, err := r.compare(ctx, p.id)
	if err != nil {
		return 0, 0, err
	}
	if !small {
		taken, err = r.readList(ctx, p)
		return taken, 0, err
	}
	if taken, err = r.fetchAll(ctx, p.id, theirs, new(vain)); err != nil {
		return taken, 0, err
	}
	given, err = r.offerAll(ctx, p.id, ours)
	return taken, given, err
}

// compare returns what only we have and what only the peer has; small is false where no sketch holds
// that.
func (r *reconciler) compare(ctx context.Context, p peer.ID) (ours, theirs []core.Hash, small bool, err error) {
	cells := sketch.MinCells
	for range maxSketches {
		sum, err := r.exchange.Sketch(ctx, p, cells)
		if err != nil {
			return nil, nil, false, err
		}
		if sum.Sketch == nil {
			ours, err = r.own.without(ctx, sum.IDs)
			return ours, sum.IDs, true, err
		}
		own, err := r.own.sketch(ctx, sum.Sketch.Key())
		if err != nil {
			return nil, nil, false, err
		}
		difference := own.Fold(cells).Minus(sum.Sketch)
		if ours, theirs, small = difference.Differences(); small {
			return ours, theirs, true, nil
		}
		next := sketch.CellsFor(difference.Estimate(), cells)
		if next == 0 && sum.Count <= sketch.MaxCells {
			next = sketch.MaxCells // for as many the answer is a list, which shows what to offer
		}
		if cells = max(2*cells, next); next == 0 || cells > sketch.MaxCells {
			break
		}
	}
	return nil, nil, false, nil
}

// readList reads the peer's list from the cursor on and fetches what is unknown. The cursor moves over
// what was fetched, and back to the start at the end. It returns how many messages were new.
func (r *reconciler) readList(ctx context.Context, p *reconciled) (taken int, err error) {
	var v vain
	for range maxPages {
		ids, next, err := r.exchange.Mempool(ctx, p.id, p.after, idsPage)
		if err != nil {
			return taken, err
		}
		if len(ids) == 0 {
			p.after = 0
			return taken, nil
		}
		fresh, err := r.fetchAll(ctx, p.id, ids, &v)
		taken += fresh
		if err != nil {
			return taken, err
		}
		p.after = next
	}
	return taken, nil
}

// errVain means that a peer listed messages and gave none of them. A block may have taken some; all
// of them, again and again, were never there.
var errVain = consensus.NewRefusal("listed messages did not come", consensus.Undecided)

// vain counts questions in a row that brought nothing.
type vain int

// fetchAll fetches those of the messages that are unknown. It returns how many were new.
func (r *reconciler) fetchAll(ctx context.Context, p peer.ID, ids []core.Hash, v *vain) (taken int, err error) {
	ids = slices.DeleteFunc(ids, r.pool.Known)
	for chunk := range slices.Chunk(ids, messagesPage) {
		came, fresh, err := r.fetch(ctx, p, chunk)
		taken += fresh
		if err != nil {
			return taken, err
		}
		if *v++; came > 0 {
			*v = 0
		}
		if *v == maxVain {
			return taken, errVain
		}
	}
	return taken, nil
}

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
	r.taken.Add(uint64(fresh))
	return len(msgs), fresh, stop
}

// offerAll offers what the peer lacks. It returns how much of that the peer took, and stops where the
// peer wants none: its pool may be full, or gossip may have been quicker.
func (r *reconciler) offerAll(ctx context.Context, p peer.ID, ids []core.Hash) (given int, err error) {
	// A peer's sketch may be made of anything, and so may what came out of it.
	ids = slices.DeleteFunc(ids, func(id core.Hash) bool { return !r.pool.Known(id) })
	var v vain
	for chunk := range slices.Chunk(ids[:min(len(ids), maxOffered)], messagesPage) {
		took, err := r.exchange.Offer(ctx, p, chunk)
		if err != nil {
			return given, err
		}
		given += took
		r.given.Add(uint64(took))
		if v++; took > 0 {
			v = 0
		}
		if v == maxVain {
			return given, nil
		}
	}
	return given, nil
}

// errOffers means that a peer offers more at a time than is taken.
var errOffers = consensus.NewRefusal("not this peer's turn to offer", consensus.Undecided)

// offered fetches those of the messages that are unknown here from the peer that offers them. A few
// peers have their turn at a time, each with one offer. It returns how many were new.
func (r *reconciler) offered(ctx context.Context, p peer.ID, ids []core.Hash) (taken int, err error) {
	if !r.knows(p) {
		return 0, nil
	}
	if !r.turns.begin(p) {
		return 0, errOffers
	}
	late := false
	defer func() { r.turns.end(p, late) }()
	waiting, cancel := context.WithTimeout(ctx, maxOfferWait)
	defer cancel()
	if err := r.offers.Acquire(waiting, 1); err != nil {
		return 0, fmt.Errorf("waiting for a turn: %w", err)
	}
	defer r.offers.Release(1)
	limited, cancel := context.WithTimeout(ctx, maxOfferTime)
	defer cancel()
	taken, err = r.fetchAll(limited, p, ids, new(vain))
	stalled := errors.Is(err, exchange.ErrStalled)
	late = stalled || limited.Err() != nil
	if stalled || consensus.ClassOf(err) == consensus.Broken {
		r.hosts.Punish(p, err)
	}
	if errors.Is(err, mempool.ErrFull) {
		return taken, nil
	}
	return taken, err
}

// turns say who may offer: each peer has one offer at a time, and a rest after one that came too late.
// Those that rest are few, since each has held a turn for long. It is safe for concurrent use.
type turns struct {
	mu     sync.Mutex
	taking map[peer.ID]bool
	rests  map[peer.ID]time.Time // until when
}

func newTurns() *turns {
	return &turns{taking: make(map[peer.ID]bool), rests: make(map[peer.ID]time.Time)}
}

// begin reports whether a peer may offer now; then its offer must be ended.
func (t *turns) begin(p peer.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taking[p] || time.Now().Before(t.rests[p]) {
		return false
	}
	t.taking[p] = true
	return true
}

func (t *turns) end(p peer.ID, late bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taking, p)
	now := time.Now()
	maps.DeleteFunc(t.rests, func(_ peer.ID, until time.Time) bool { return !now.Before(until) })
	if late {
		t.rests[p] = now.Add(offerRest)
	}
}
