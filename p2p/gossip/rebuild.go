package gossip

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// Limits of rebuilding. A block over one of them, or that is not rebuilt in time, is left to the
// syncer, which fetches it whole: nothing is lost by it but time.
const (
	maxRebuilds     = 16 // in progress or waiting for a worker
	rebuildWorkers  = 4  // each holds the messages of one block
	rebuildsPerPeer = 2  // that one peer was the first to announce
	maxAnnouncers   = 16 // peers that are asked for one block
	maxVersions     = 3  // different short ids for one header: those of the first may be made up

	// maxQueued is for how long a rebuild waits for a worker. Blocks that nobody gives are cheap where
	// headers are; they must not hold up the others.
	maxQueued = time.Second
	// maxAlone is for how long a block is only rebuilt. When it is asked for something after that, the
	// syncer fetches it as well.
	maxAlone    = time.Second
	rebuildTime = 4 * time.Second
	askTime     = 1500 * time.Millisecond // for one answer of one peer
	maxPause    = 200 * time.Millisecond

	maxRebuilt = 4096 // blocks that are remembered as tried: a header buys one rebuild
)

// Parts asks single peers for parts of blocks; it is *exchange.Client but for tests.
type Parts interface {
	// Fill returns the messages at these positions of a block, ascending; exchange.ErrAbsent.
	Fill(ctx context.Context, p peer.ID, block core.Hash, positions []int) ([]*core.Message, error)
	// Leaves returns the leaves of a block, which give its root; exchange.ErrAbsent.
	Leaves(ctx context.Context, p peer.ID, h *core.Header) ([]core.Leaf, error)
}

// RebuildStats say what became of blocks that were announced by short ids.
type RebuildStats struct {
	Rebuilt   uint64 `json:"rebuilt"`    // all messages were known, or came
	Left      uint64 `json:"left"`       // to be fetched whole
	Asked     uint64 `json:"asked"`      // messages that were missing and came
	LeafLists uint64 `json:"leaf_lists"` // fetched, where short ids were not enough
}

// A rebuilder makes blocks of the short ids that were announced and of the messages that are known
// here. It tells the syncer of a block's announcers only when it is done with it: before that, the
// syncer would fetch what is known already.
type rebuilder struct {
	pool   Pool
	chain  Chain
	parts  Parts
	syncer Syncer
	peers  Peers
	params *core.Params
	log    *slog.Logger
	tried  *recent
	ready  chan struct{} // of capacity 1: a worker may find something in the queue
	queued chan struct{} // of capacity 1: something is in the queue

	rebuilt, left, asked, leafLists atomic.Uint64

	mu    sync.Mutex // guards what is below, and what rebuilds say that it does
	all   map[core.Hash]*rebuild
	queue []*rebuild // of these: what waits for a worker
}

// A rebuild is one block on its way.
type rebuild struct {
	hash   core.Hash
	header core.Header
	since  time.Time
	wake   chan struct{} // of capacity 1: there is one more peer to ask

	announcers []peer.ID // in the order of arrival; guarded by the rebuilder
	told       int       // of these: how many the syncer knows of; guarded by the rebuilder
	blamed     []peer.ID // of these; guarded by the rebuilder
	versions   [][]byte  // of the short ids, encoded; guarded by the rebuilder
}

func newRebuilder(pool Pool, c Chain, parts Parts, s Syncer, peers Peers, n *core.Network, log *slog.Logger) *rebuilder {
	return &rebuilder{
		pool: pool, chain: c, parts: parts, syncer: s, peers: peers, params: &n.Params, log: log,
		tried: newRecent(maxRebuilt), all: make(map[core.Hash]*rebuild),
		ready: make(chan struct{}, 1), queued: make(chan struct{}, 1),
	}
}

// add takes a compact announcement. It is false where the syncer should know of it at once: the block is
// not going to be rebuilt, by the limits or because it was tried before, or is not rebuilt in good time.
func (r *rebuilder) add(from peer.ID, a *announcement) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.all[a.hash]; b != nil {
		return b.join(from, a.rest)
	}
	if r.tried.has(a.hash) || len(r.all) == maxRebuilds || r.begunBy(from) == rebuildsPerPeer {
		return false
	}
	b := &rebuild{
		hash: a.hash, header: a.header, since: time.Now(), wake: make(chan struct{}, 1),
		announcers: []peer.ID{from}, versions: [][]byte{a.rest},
	}
	r.all[a.hash] = b
	r.queue = append(r.queue, b)
	poke(r.ready)
	poke(r.queued)
	return true
}

// begunBy counts for a peer's quota. It is called with mu held.
func (r *rebuilder) begunBy(p peer.ID) int {
	n := 0
	for _, b := range r.all {
		if b.announcers[0] == p {
			n++
		}
	}
	return n
}

// join adds one more announcer to a rebuild. Each peer gives one version of the short ids at most. It is
// false where the syncer should know of it at once. It is called with the rebuilder's mu held.
func (b *rebuild) join(from peer.ID, short []byte) bool {
	if slices.Contains(b.announcers, from) {
		return true
	}
	if len(b.announcers) == maxAnnouncers {
		return false
	}
	b.announcers = append(b.announcers, from)
	same := func(v []byte) bool { return bytes.Equal(v, short) }
	if len(b.versions) < maxVersions && !slices.ContainsFunc(b.versions, same) {
		b.versions = append(b.versions, short)
	}
	poke(b.wake)
	if b.told > 0 { // the syncer fetches it already
		b.told = len(b.announcers)
		return false
	}
	return true
}

// poke fills a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run rebuilds until ctx ends. By the time it returns, its workers have ended.
func (r *rebuilder) run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	for range rebuildWorkers {
		workers.Go(func() { r.serve(ctx) })
	}
	var due <-chan time.Time // nil while nothing waits
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.queued:
		case <-due:
		}
		due = nil
		if next, ok := r.handOver(time.Now()); ok {
			due = time.After(next)
		}
	}
}

// serve rebuilds one block of the queue after the other.
func (r *rebuilder) serve(ctx context.Context) {
	for ctx.Err() == nil {
		if b := r.next(); b != nil {
			r.work(ctx, b)
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.ready:
		}
	}
}

// next takes the first rebuild out of the queue; nil if there is none.
func (r *rebuilder) next() *rebuild {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	b := r.queue[0]
	r.queue = slices.Delete(r.queue, 0, 1)
	if len(r.queue) > 0 {
		poke(r.ready) // another worker
	}
	return b
}

// handOver leaves to the syncer what has waited for too long, and returns how long the next one may
// wait; false if none does.
func (r *rebuilder) handOver(now time.Time) (next time.Duration, ok bool) {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.mu.Unlock()
			return 0, false
		}
		b := r.queue[0]
		if left := maxQueued - now.Sub(b.since); left > 0 {
			r.mu.Unlock()
			return left, true
		}
		r.queue = slices.Delete(r.queue, 0, 1)
		r.mu.Unlock()
		r.left.Add(1)
		r.announce(b)
	}
}

// work rebuilds one block, or leaves it to the syncer.
func (r *rebuilder) work(ctx context.Context, b *rebuild) {
	limited, cancel := context.WithTimeout(ctx, rebuildTime)
	defer cancel()
	a := &assembly{rebuilder: r, rebuild: b}
	block, err := a.build(limited)
	defer r.announce(b)
	switch {
	case err == nil:
		r.rebuilt.Add(1)
		r.syncer.Offer(block)
	case errors.Is(err, errNotNeeded):
	case ctx.Err() == nil:
		r.left.Add(1)
		if consensus.ClassOf(err) == consensus.Fault && limited.Err() == nil {
			r.log.Error("rebuilding a block", "hash", b.hash, "err", err)
		} else {
			r.log.Debug("block left to be fetched", "hash", b.hash, "err", err)
		}
	}
}

// announce forgets a rebuild and tells the syncer who said to have the block.
func (r *rebuilder) announce(b *rebuild) {
	r.tried.add(b.hash)
	r.mu.Lock()
	delete(r.all, b.hash)
	r.mu.Unlock()
	r.tell(b)
}

// tell lets the syncer know who said by now to have the block, each once.
func (r *rebuilder) tell(b *rebuild) {
	r.mu.Lock()
	news := slices.Clone(b.announcers[b.told:])
	b.told = len(b.announcers)
	r.mu.Unlock()
	for _, p := range news {
		r.syncer.Announced(p, &b.header)
	}
}

// toAsk returns the announcers that are not to blame for anything, in the order of their arrival.
func (r *rebuilder) toAsk(b *rebuild) []peer.ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.announcers), func(p peer.ID) bool { return slices.Contains(b.blamed, p) })
}

// blame punishes a peer and asks it for no more of this block.
func (r *rebuilder) blame(b *rebuild, p peer.ID, why error) {
	r.mu.Lock()
	if slices.Contains(b.announcers, p) && !slices.Contains(b.blamed, p) {
		b.blamed = append(b.blamed, p)
	}
	r.mu.Unlock()
	r.peers.Punish(p, why)
}

// version returns the i-th version of the short ids.
func (r *rebuilder) version(b *rebuild, i int) ([]core.ShortID, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i >= len(b.versions) {
		return nil, false
	}
	return decodeShortIDs(b.versions[i]), true
}

func (r *rebuilder) stats() RebuildStats {
	return RebuildStats{r.rebuilt.Load(), r.left.Load(), r.asked.Load(), r.leafLists.Load()}
}
