package gossip

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/sketch"
)

// A shelf is an Exchange with one peer's waiting messages.
type shelf struct {
	mu    sync.Mutex
	msgs  []*core.Message // the sequence number is the index plus one
	phony []core.Hash     // listed as well, and never given
	lists int
	asked int // ids
	give  func([]*core.Message) []*core.Message

	sketches []int // sizes that were asked for
	offered  []core.Hash
}

// has returns all ids that the peer claims to have.
func (s *shelf) has() []core.Hash { return append(idsOf(s.msgs), s.phony...) }

func (s *shelf) Sketch(_ context.Context, _ peer.ID, cells int) (exchange.Summary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sketches = append(s.sketches, cells)
	all := s.has()
	if len(all) <= cells {
		return exchange.Summary{Count: len(all), IDs: all}, nil
	}
	made := sketch.New(sketch.Key{byte(len(s.sketches))}, cells)
	for _, id := range all {
		made.Add(id)
	}
	return exchange.Summary{Count: len(all), Sketch: made}, nil
}

func (s *shelf) Offer(_ context.Context, _ peer.ID, ids []core.Hash) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offered = append(s.offered, ids...)
	return len(ids), nil
}

func (s *shelf) Mempool(_ context.Context, _ peer.ID, after uint64, limit int) ([]core.Hash, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	all := s.has()
	page := all[min(int(after), len(all)):]
	page = slices.Clone(page[:min(limit, len(page))])
	return page, after + uint64(len(page)), nil
}

func (s *shelf) Messages(_ context.Context, _ peer.ID, ids []core.Hash) ([]*core.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked += len(ids)
	var out []*core.Message
	for _, m := range s.msgs {
		if slices.Contains(ids, m.ID) {
			out = append(out, m)
		}
	}
	if s.give != nil {
		out = s.give(out)
	}
	return out, nil
}

// reconciling runs a reconciler with one peer on a shelf, in the bubble of a test.
func reconciling(t *testing.T, d *desk, s Exchange) *reconciler {
	t.Helper()
	r := newReconciler(d.pool, s, d, d.unspread, d.cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return r
}

func TestReconcile(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 700)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(t, n), &shelf{msgs: msgs[:500]}
		d.say(t, msgs[:480]...)
		d.say(t, msgs[600:]...)
		r := reconciling(t, d, s)
		r.peerUp("a")
		synctest.Wait()
		if got := d.pool.Totals().Count; got != 600 || s.asked != 20 {
			t.Errorf("a new peer: %d waiting, %d asked for; want 600 and 20", got, s.asked)
		}
		if !sameIDs(s.offered, msgs[600:]) {
			t.Errorf("%d messages were offered, want the 100 that the peer lacks", len(s.offered))
		}
		s.mu.Lock()
		s.msgs, s.sketches = msgs, nil
		s.mu.Unlock()
		time.Sleep(DefaultConfig().Reconcile)
		synctest.Wait()
		if got := d.pool.Totals().Count; got != 700 || s.asked != 120 {
			t.Errorf("30 s later: %d waiting, %d asked for; want 700 and 120", got, s.asked)
		}
		if s.lists != 0 || len(s.sketches) > maxSketches {
			t.Errorf("%d pages were read and sketches of %v cells, want no page", s.lists, s.sketches)
		}
		r.peerDown("a")
		s.mu.Lock()
		s.sketches = nil
		s.mu.Unlock()
		time.Sleep(5 * DefaultConfig().Reconcile)
		if len(s.sketches) != 0 {
			t.Error("a peer that is gone is asked")
		}
		if taken, given := r.taken.Load(), r.given.Load(); taken != 120 || given != 100 || r.rounds.Load() != 2 {
			t.Errorf("counted %d taken and %d given in %d rounds, want 120, 100 and 2", taken, given, r.rounds.Load())
		}
	})
}

// sameIDs compares ids with those of messages, in any order.
func sameIDs(ids []core.Hash, msgs []*core.Message) bool {
	a, b := slices.SortedFunc(slices.Values(ids), core.Hash.Compare), slices.SortedFunc(slices.Values(idsOf(msgs)), core.Hash.Compare)
	return slices.Equal(a, b)
}

// Where more is different than a sketch holds, the peer's list is read.
func TestReconcileReadsLongLists(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 10)
	phony := make([]core.Hash, 20_000)
	for i := range phony {
		phony[i] = core.Hash{byte(i), byte(i >> 8), 7}
	}
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(t, n), &shelf{msgs: msgs, phony: phony}
		r := reconciling(t, d, s)
		r.peerUp("a")
		synctest.Wait()
		if s.lists == 0 || len(s.sketches) != 1 || d.pool.Totals().Count != len(msgs) {
			t.Errorf("%d pages after sketches of %v cells brought %d messages", s.lists, s.sketches, d.pool.Totals().Count)
		}
	})
}

// A sketch that was made of nothing costs a bounded amount, and nothing is offered that is not here.
func TestReconcileWithForgedSketch(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 5)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		d.say(t, msgs...)
		s := &forger{shelf: &shelf{}, extra: core.Hash{1, 2, 3}}
		r := reconciling(t, d, s)
		r.peerUp("a")
		synctest.Wait()
		if !sameIDs(s.offered, msgs) {
			t.Errorf("%d messages offered, want our %d", len(s.offered), len(msgs))
		}
		if len(d.punished) > 0 {
			t.Error("the peer may have sealed what it listed")
		}
	})
}

// A forger gives sketches in which it lacks a message that does not exist.
type forger struct {
	*shelf
	extra core.Hash
}

func (f *forger) Sketch(_ context.Context, _ peer.ID, cells int) (exchange.Summary, error) {
	key := sketch.Key{9}
	with, none := sketch.New(key, cells), sketch.New(key, cells)
	with.Add(f.extra)
	return exchange.Summary{Count: 1000, Sketch: none.Minus(with)}, nil
}

func TestOffered(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 300)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(t, n), &shelf{msgs: msgs}
		d.say(t, msgs[:100]...)
		r := newReconciler(d.pool, s, d, d.unspread, d.cfg)
		if taken, err := r.offered(t.Context(), "a", idsOf(msgs)); taken != 0 || err != nil || s.asked != 0 {
			t.Errorf("a stranger's offer: %d taken, %v", taken, err)
		}
		r.peerUp("a")
		if taken, err := r.offered(t.Context(), "a", idsOf(msgs[:250])); taken != 150 || err != nil || s.asked != 150 {
			t.Errorf("%d taken of 150 that are unknown, %d asked for, %v", taken, s.asked, err)
		}
		if !d.unspread.has(msgs[200].ID) || d.unspread.has(msgs[50].ID) {
			t.Error("what was taken counts as forwarded, or what was known does not")
		}
		s.msgs = []*core.Message{resigned(msgs[299])}
		if _, err := r.offered(t.Context(), "a", idsOf(msgs[299:])); err == nil || len(d.punished) != 1 {
			t.Errorf("a bad signature: %v, %d punished", err, len(d.punished))
		}
	})
}

func TestReconcileWithBadPeers(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 2000)
	phony := make([]core.Hash, 100000)
	for i := range phony {
		phony[i] = core.Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}
	}
	for _, tt := range []struct {
		name     string
		shelf    *shelf
		punished bool
		taken    int
		maxAsked int
	}{
		{"bad signature", &shelf{msgs: []*core.Message{msgs[0], resigned(msgs[1])}}, true, 1, 2},
		{"not asked for", &shelf{msgs: msgs[:2], give: func([]*core.Message) []*core.Message { return msgs[5:6] }}, true, 0, 2},
		{"lists what it has not", &shelf{phony: phony}, false, 0, maxVain * messagesPage},
		{"lists more than it has", &shelf{msgs: msgs[:10], phony: phony[:100]}, false, 10, 110},
		{"sketches what it has not", &shelf{phony: phony[:5000]}, false, 0, maxVain * messagesPage},
		{"gives no bodies", &shelf{msgs: coretest.WithoutBodies(&core.Block{Messages: msgs[:3]}).Messages}, false, 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, n)
				r := reconciling(t, d, tt.shelf)
				r.peerUp("a")
				synctest.Wait()
				if got := len(d.punished) > 0; got != tt.punished {
					t.Errorf("punished: %v", got)
				}
				if got := d.pool.Totals().Count; got != tt.taken {
					t.Errorf("%d messages taken, want %d", got, tt.taken)
				}
				if tt.shelf.asked > tt.maxAsked {
					t.Errorf("%d ids asked for, want at most %d", tt.shelf.asked, tt.maxAsked)
				}
			})
		})
	}
}

func TestReconcileStopsWhereThereIsNoRoom(t *testing.T) {
	n := coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n, func(c *mempool.Config) { c.MaxBytes = 1 })
		s := &shelf{msgs: coretest.Messages(t, n, "m", 1000)}
		r := reconciling(t, d, s)
		r.peerUp("a")
		synctest.Wait()
		if s.asked != messagesPage || len(d.punished) > 0 {
			t.Errorf("%d asked for, %d punished; want %d and none", s.asked, len(d.punished), messagesPage)
		}
	})
}

// A crowd is an Exchange with peers that have nothing, or hold every question up as long as they can.
type crowd struct {
	slow map[peer.ID]bool
	from time.Time

	mu    sync.Mutex
	asked map[peer.ID][]time.Duration
}

func (c *crowd) Sketch(ctx context.Context, p peer.ID, cells int) (exchange.Summary, error) {
	if !c.slow[p] {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked[p] = append(c.asked[p], time.Since(c.from))
		return exchange.Summary{}, nil
	}
	if !sleep(ctx, 9900*time.Millisecond) {
		return exchange.Summary{}, ctx.Err()
	}
	return exchange.Summary{Count: 1 << 20, Sketch: overfull(cells)}, nil
}

// overfull returns a sketch of too many hashes for any size.
func overfull(cells int) *sketch.Sketch {
	s := sketch.New(sketch.Key{}, cells)
	for i := range 2 * sketch.MaxCells {
		s.Add(core.Hash{byte(i), byte(i >> 8)})
	}
	return s
}

func (c *crowd) Mempool(ctx context.Context, _ peer.ID, after uint64, _ int) ([]core.Hash, uint64, error) {
	select {
	case <-time.After(9900 * time.Millisecond):
		return []core.Hash{{1}}, after + 1, nil
	case <-ctx.Done():
		return nil, after, ctx.Err()
	}
}

func (c *crowd) Offer(context.Context, peer.ID, []core.Hash) (int, error) { return 0, nil }

func (c *crowd) Messages(context.Context, peer.ID, []core.Hash) ([]*core.Message, error) {
	return nil, nil
}

// Peers that answer just in time, and join the mesh again and again, do not keep others from their
// turn: not a few of them, and not many.
func TestReconcileInTurn(t *testing.T) {
	n := coretest.Network(t)
	for _, tt := range []struct {
		name    string
		slow    int
		longest time.Duration
	}{
		{"one", 1, 0}, {"all slots but one", maxRounds - 1, 0}, {"more than slots", 2 * maxRounds, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &crowd{slow: make(map[peer.ID]bool), from: time.Now(), asked: make(map[peer.ID][]time.Duration)}
				d := newDesk(t, n)
				r := newReconciler(d.pool, c, d, d.unspread, d.cfg)
				ctx, cancel := context.WithCancel(context.Background())
				var running sync.WaitGroup
				running.Go(func() { r.run(ctx) })
				defer func() { cancel(); running.Wait() }()
				for i := range tt.slow {
					c.slow[peer.ID(string(rune('a'+i)))] = true
				}
				for p := range c.slow {
					r.peerUp(p)
				}
				synctest.Wait()
				r.peerUp("honest 1")
				r.peerUp("honest 2")
				for range 600 {
					time.Sleep(time.Second)
					for p := range c.slow {
						r.again(p)
					}
				}
				synctest.Wait()
				for _, p := range []peer.ID{"honest 1", "honest 2"} {
					if got := c.asked[p]; len(got) < 2 || got[0] > tt.longest {
						t.Errorf("%s was asked after %v, want within %v and then again", p, got, tt.longest)
					}
				}
			})
		})
	}
}

// A round that runs out of time goes on after the others, as long as it brings something.
func TestReconcileGoesOn(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 3*messagesPage)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		d.cfg.Reconcile = time.Hour
		s := &shelf{msgs: msgs, give: func(m []*core.Message) []*core.Message { time.Sleep(maxRound * 2 / 3); return m }}
		r := reconciling(t, d, deadlined{s})
		r.peerUp("a")
		time.Sleep(5 * maxRound)
		synctest.Wait()
		if got := d.pool.Totals().Count; got != len(msgs) {
			t.Errorf("%d of %d messages taken over a slow line", got, len(msgs))
		}
	})
}

// A deadlined Exchange gives nothing after its context ended.
type deadlined struct{ *shelf }

func (d deadlined) Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error) {
	msgs, err := d.shelf.Messages(ctx, p, ids)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return msgs, err
}

func TestVainIsUndecided(t *testing.T) {
	if consensus.ClassOf(errVain) != consensus.Undecided || errors.Is(errVain, mempool.ErrFull) {
		t.Error("a peer whose messages were sealed meanwhile must not be punished")
	}
}
