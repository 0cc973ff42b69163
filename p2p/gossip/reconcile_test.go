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
)

// A shelf is an Exchange with one peer's waiting messages.
type shelf struct {
	mu    sync.Mutex
	msgs  []*core.Message // the sequence number is the index plus one
	phony []core.Hash     // listed as well, and never given
	lists int
	asked int // ids
	give  func([]*core.Message) []*core.Message
}

func (s *shelf) Mempool(_ context.Context, _ peer.ID, after uint64, limit int) ([]core.Hash, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	all := append(idsOf(s.msgs), s.phony...)
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
	msgs := coretest.Messages(t, n, "m", 600)
	synctest.Test(t, func(t *testing.T) {
		d, s := newDesk(t, n), &shelf{msgs: msgs[:500]}
		d.say(t, msgs[:100]...)
		r := reconciling(t, d, s)
		r.peerUp("a")
		synctest.Wait()
		if got := d.pool.Totals().Count; got != 500 || s.asked != 400 {
			t.Errorf("a new peer: %d waiting, %d asked for; want 500 and 400", got, s.asked)
		}
		s.mu.Lock()
		s.msgs, s.lists = msgs, 0
		s.mu.Unlock()
		time.Sleep(DefaultConfig().Reconcile)
		synctest.Wait()
		if got := d.pool.Totals().Count; got != 600 || s.asked != 500 {
			t.Errorf("30 s later: %d waiting, %d asked for; want 600 and 500", got, s.asked)
		}
		if s.lists != 2 {
			t.Errorf("%d pages were read, want the one with what is new and the end", s.lists)
		}
		r.peerDown("a")
		s.mu.Lock()
		s.lists = 0
		s.mu.Unlock()
		time.Sleep(5 * DefaultConfig().Reconcile)
		if s.lists != 0 {
			t.Error("a peer that is gone is asked")
		}
		if r.taken.Load() != 500 {
			t.Errorf("counted %d, want 500", r.taken.Load())
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

func (c *crowd) Mempool(ctx context.Context, p peer.ID, after uint64, _ int) ([]core.Hash, uint64, error) {
	if !c.slow[p] {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked[p] = append(c.asked[p], time.Since(c.from))
		return nil, after, nil
	}
	select {
	case <-time.After(9900 * time.Millisecond):
		return []core.Hash{{1}}, after + 1, nil
	case <-ctx.Done():
		return nil, after, ctx.Err()
	}
}

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
					p := peer.ID(string(rune('a' + i)))
					c.slow[p] = true
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

// The whole list is read again now and then, for what was dropped here or missed.
func TestReconcileReadsAllNowAndThen(t *testing.T) {
	n := coretest.Network(t)
	msgs := coretest.Messages(t, n, "m", 10)
	d, s := newDesk(t, n), &shelf{msgs: msgs}
	r := newReconciler(d.pool, s, d, d.unspread, d.cfg)
	p := &reconciled{id: "a"}
	for round := range fullEvery + 1 {
		r.round(t.Context(), p)
		if want := round == 0 || round == fullEvery; (s.lists == 2) != want {
			t.Errorf("round %d read %d pages", round, s.lists)
		}
		s.lists = 0
	}
}

func TestVainIsUndecided(t *testing.T) {
	if consensus.ClassOf(errVain) != consensus.Undecided || errors.Is(errVain, mempool.ErrFull) {
		t.Error("a peer whose messages were sealed meanwhile must not be punished")
	}
}
