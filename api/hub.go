package api

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"p2pchain/core"
)

const (
	// collectFor lets events that come one by one be read together.
	collectFor = 20 * time.Millisecond
	// watchEvery is how often peers, sync and mining are looked at.
	watchEvery = time.Second
)

// A hub turns what happens on the node into events. One goroutine does that, for as long as somebody
// listens: it is poked by the chain and by the waiting messages, and pulls what is new since it looked
// last. With nobody there it does nothing; who comes next makes it catch up first, so the log has no
// gap that a returning client could miss.
type hub struct {
	server *Server
	log    *eventLog
	copies sync.Pool // of *[]byte, for clients that get a copy of their own
	seed   maphash.Seed

	mu        sync.Mutex // guards what is below
	listeners int
	cancel    context.CancelFunc // ends the goroutine
	ready     chan struct{}      // closed when it has caught up
	done      chan struct{}      // closed when it has ended; nil before the first one

	redacting sync.Mutex // guards redacted and erasures; held while messages are read and told
	redacted  uint64     // the epoch up to which the log holds nothing that was erased
	erasures  uint64     // and the number of the next erasure after that
	primed    bool       // erasures from here on are told

	// What follows belongs to the goroutine.
	follower follower
	watched  watched
}

func newHub(s *Server) *hub { return &hub{server: s, log: newEventLog(), seed: maphash.MakeSeed()} }

// join counts a listener in, and returns as soon as the log is up to date, or ctx's error.
func (h *hub) join(ctx context.Context) error {
	h.mu.Lock()
	h.listeners++
	if h.listeners == 1 {
		h.start(ctx)
	}
	ready := h.ready
	h.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		h.leave()
		return ctx.Err()
	}
}

// start starts the goroutine, after the end of the one before. The caller holds mu.
func (h *hub) start(ctx context.Context) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	before, ready, done := h.done, make(chan struct{}), make(chan struct{})
	h.cancel, h.ready, h.done = cancel, ready, done
	go func() {
		defer close(done)
		if before != nil {
			<-before
		}
		h.run(own, ready)
	}()
}

// leave counts a listener out. The last one waits for the end of the goroutine, so that nothing of it
// goes on when the server has stopped.
func (h *hub) leave() {
	h.mu.Lock()
	h.listeners--
	last, cancel, done := h.listeners == 0, h.cancel, h.done
	h.mu.Unlock()
	if last {
		cancel()
		<-done
	}
}

// buffer returns a buffer for a copy of events, to be recycled.
func (h *hub) buffer() *[]byte {
	if b, ok := h.copies.Get().(*[]byte); ok {
		return b
	}
	return new([]byte)
}

func (h *hub) recycle(b *[]byte) {
	if b != nil {
		h.copies.Put(b)
	}
}

// run adds events to the log until ctx ends.
func (h *hub) run(ctx context.Context, ready chan<- struct{}) {
	moved, stopMoved := h.server.deps.Chain.Subscribe()
	defer stopMoved()
	added, stopAdded := h.server.deps.Pool.Subscribe()
	defer stopAdded()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	h.watch()
	h.catchUp(ctx)
	close(ready)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			h.watch()
			h.redact()
			if !h.follower.behind {
				continue
			}
		case <-moved:
		case <-added:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(collectFor):
		}
		h.follow(ctx)
	}
}

// now returns the time by the node's clock.
func (h *hub) now() Time { return Time(max(0, h.server.cfg.Now().UnixMilli())) }

// tell adds one event. What other parts measured may be no number that JSON has; such an event is left
// out, since a panic here would end the node.
func (h *hub) tell(kind eventKind, v any) {
	data, err := encode(v)
	if err != nil {
		h.server.cfg.Log.Error("event is left out", "kind", kind, "err", err)
		return
	}
	h.log.add([]event{{kind, data[:len(data)-1]}})
}

// event encodes an event of messages and blocks.
func (h *hub) event(kind eventKind, v any) event {
	data, err := encode(v)
	if err != nil {
		panic("api: encoding an event: " + err.Error()) // our own types
	}
	return event{kind, data[:len(data)-1]}
}

// watched is what was told last of that which has no history.
type watched struct {
	known  bool
	peers  map[string]Peer
	sync   Sync
	mining Mining
}

// watch looks at peers, sync and mining, and tells what changed. The first look tells nothing.
func (h *hub) watch() {
	deps, last := &h.server.deps, h.watched
	now := watched{known: true, peers: make(map[string]Peer), mining: deps.Miner.Status()}
	for _, p := range deps.Host.Peers() {
		now.peers[p.ID] = p
	}
	said := deps.Host.Sync() // before the tip, which it is brought up to
	now.sync = syncAt(said, deps.Chain.Tip().Header.Height, deps.Chain.BestHeader().Header.Height)
	h.watched = now
	if !last.known {
		return
	}
	h.tellPeers(last.peers, now.peers)
	if worthTelling(last.sync, now.sync) {
		h.tell(kindSync, now.sync)
	}
	if stateOf(last.mining) != stateOf(now.mining) {
		h.tell(kindMining, now.mining)
	}
}

// tellPeers tells who came and who went.
func (h *hub) tellPeers(before, after map[string]Peer) {
	for id, p := range before {
		if _, still := after[id]; !still {
			h.tell(kindPeer, PeerEvent{PeerDisconnected, p})
		}
	}
	for id, p := range after {
		if _, known := before[id]; !known {
			h.tell(kindPeer, PeerEvent{PeerConnected, p})
		}
	}
}

// worthTelling reports whether somebody who watches a node catch up wants to hear of a change. The
// height of one that has caught up is told by its blocks.
func worthTelling(before, after Sync) bool {
	if before.State != after.State {
		return true
	}
	return after.Target > after.Height && before != after
}

// A miningState is what of Mining changes only now and then.
type miningState struct {
	mode    string
	paused  int
	reason  string
	threads int
	working bool
	sealed  uint64
}

func stateOf(m Mining) miningState {
	s := miningState{m.Mode, len(m.Paused), "", m.Threads, m.Working, m.Sealed}
	if s.paused > 0 {
		s.reason = m.Paused[0]
	}
	return s
}

// A shortID names a message in memory, where there may be millions that wait. It is a hash with a seed:
// somebody could find two messages whose ids begin alike, and the second one would never be told of.
type shortID uint64

func (h *hub) short(id core.Hash) shortID { return shortID(maphash.Bytes(h.seed, id[:])) }
