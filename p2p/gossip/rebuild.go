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
	queue  chan *rebuild // of capacity maxRebuilds, so to add to it never waits

	rebuilt, left, asked, leafLists atomic.Uint64

	mu  sync.Mutex // guards all, and what rebuilds say that it does
	all map[core.Hash]*rebuild
}

// A rebuild is one block on its way.
type rebuild struct {
	hash   core.Hash
	header core.Header
	wake   chan struct{} // of capacity 1: there is one more peer to ask

	announcers []peer.ID // in the order of arrival; guarded by the rebuilder
	blamed     []peer.ID // of these; guarded by the rebuilder
	versions   [][]byte  // of the short ids, encoded; guarded by the rebuilder
}

func newRebuilder(pool Pool, c Chain, parts Parts, s Syncer, peers Peers, n *core.Network, log *slog.Logger) *rebuilder {
	return &rebuilder{
		pool: pool, chain: c, parts: parts, syncer: s, peers: peers, params: &n.Params, log: log,
		tried: newRecent(maxRebuilt), queue: make(chan *rebuild, maxRebuilds), all: make(map[core.Hash]*rebuild),
	}
}

// add takes a compact announcement. It is false where the block is not going to be rebuilt, by the
// limits or because it was tried before: then the syncer should know who has it.
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
		hash: a.hash, header: a.header, wake: make(chan struct{}, 1),
		announcers: []peer.ID{from}, versions: [][]byte{a.rest},
	}
	r.all[a.hash] = b
	r.queue <- b
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

// join adds one more announcer to a rebuild. Each peer gives one version of the short ids at most. It
// is called with the rebuilder's mu held.
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
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// run rebuilds until ctx ends. By the time it returns, its workers have ended.
func (r *rebuilder) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range rebuildWorkers {
		workers.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case b := <-r.queue:
					r.work(ctx, b)
				}
			}
		})
	}
	workers.Wait()
	return nil
}

// work rebuilds one block, or leaves it to the syncer.
func (r *rebuilder) work(ctx context.Context, b *rebuild) {
	limited, cancel := context.WithTimeout(ctx, rebuildTime)
	defer cancel()
	a := &assembly{rebuilder: r, rebuild: b}
	block, err := a.build(limited)
	announcers := r.done(b)
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
	for _, p := range announcers {
		r.syncer.Announced(p, &b.header)
	}
}

// done forgets a rebuild and returns the peers that said to have the block.
func (r *rebuilder) done(b *rebuild) []peer.ID {
	r.tried.add(b.hash)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, b.hash)
	return b.announcers
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
