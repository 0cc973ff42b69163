package filler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// A world is a store with gaps and peers that have some of the bodies.
type world struct {
	gaps     []chain.Gap
	messages map[core.Hash]*core.Message
	ready    []exchange.Remote
	has      map[peer.ID]func(id core.Hash) bool
	fails    map[peer.ID]error
	asked    map[peer.ID]int // messages
	calls    map[peer.ID]int
	largest  int // messages of a request
	punished map[peer.ID]error
	filled   int
}

// newWorld has messages at heights 10, 11, …, all missing.
func newWorld(t *testing.T, count int) *world {
	n := coretest.Network(t)
	w := &world{
		messages: make(map[core.Hash]*core.Message), has: make(map[peer.ID]func(core.Hash) bool), fails: make(map[peer.ID]error),
		asked: make(map[peer.ID]int), calls: make(map[peer.ID]int), punished: make(map[peer.ID]error),
	}
	for i, m := range coretest.Messages(t, n, "gap", count) {
		w.messages[m.ID] = m
		w.gaps = append(w.gaps, chain.Gap{ID: m.ID, Place: chain.Place{Height: 10 + uint64(i)}})
	}
	return w
}

func (w *world) peer(id peer.ID, lowestFull uint64, has func(core.Hash) bool) {
	w.ready = append(w.ready, exchange.Remote{ID: id, Session: uint64(len(w.ready)) + 1, Hello: exchange.Hello{LowestFull: lowestFull}})
	w.has[id] = has
}

func everything(core.Hash) bool { return true }
func nothing(core.Hash) bool    { return false }

func (w *world) LowestFull() (uint64, error) { return 0, nil }

func (w *world) Gaps(after chain.Place, limit int) ([]chain.Gap, error) {
	var out []chain.Gap
	for _, g := range w.gaps {
		if cmp.Or(cmp.Compare(g.Height, after.Height), cmp.Compare(g.Position, after.Position)) > 0 && len(out) < limit {
			out = append(out, g)
		}
	}
	return out, nil
}

func (w *world) Fill(msgs []*core.Message) (int, error) {
	before := len(w.gaps)
	for _, m := range msgs {
		w.gaps = slices.DeleteFunc(w.gaps, func(g chain.Gap) bool { return g.ID == m.ID })
	}
	w.filled += before - len(w.gaps)
	return before - len(w.gaps), nil
}

func (w *world) Ready() []exchange.Remote    { return w.ready }
func (w *world) Punish(p peer.ID, why error) { w.punished[p] = why }

func (w *world) Messages(ctx context.Context, p peer.ID, ids []core.Hash) ([]*core.Message, error) {
	w.calls[p]++
	w.asked[p] += len(ids)
	w.largest = max(w.largest, len(ids))
	if err := w.fails[p]; err != nil {
		return nil, err
	}
	var out []*core.Message
	for _, id := range ids {
		if w.has[p](id) {
			m := *w.messages[id]
			out = append(out, &m)
		}
	}
	return out, nil
}

// run fills for some virtual time.
func (w *world) run(t *testing.T, d time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Log = slog.New(slog.DiscardHandler)
		f, err := New(w, w, w, cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

func TestFillsFromWhoeverHasThem(t *testing.T) {
	w := newWorld(t, 300)
	half := make(map[core.Hash]bool)
	for i, g := range w.gaps {
		half[g.ID] = i%2 == 0
	}
	w.peer("half", 0, func(id core.Hash) bool { return half[id] })
	w.peer("rest", 0, func(id core.Hash) bool { return !half[id] })
	w.run(t, time.Minute)
	if len(w.gaps) != 0 || w.filled != 300 || len(w.punished) != 0 {
		t.Errorf("%d gaps left, %d filled, punished %v", len(w.gaps), w.filled, w.punished)
	}
	if w.largest > DefaultConfig().Batch {
		t.Errorf("asked for %d messages at once", w.largest)
	}
}

// Nobody is asked for what it says that it has not got, nor when nothing is missing.
func TestAsksOnlyForWhatPeersSayTheyHave(t *testing.T) {
	w := newWorld(t, 100)
	w.peer("pruned", 60, everything)
	w.run(t, time.Minute)
	if len(w.gaps) != 50 || w.gaps[49].Height != 59 || w.asked["pruned"] != 50 {
		t.Errorf("%d gaps left, asked for %d", len(w.gaps), w.asked["pruned"])
	}
	whole := newWorld(t, 0)
	whole.peer("a", 0, everything)
	whole.run(t, time.Hour)
	if whole.calls["a"] != 0 {
		t.Errorf("%d requests although nothing is missing", whole.calls["a"])
	}
}

// Bodies that nobody has are asked for ever less often, and a peer that has some is not held up.
func TestDoesNotInsist(t *testing.T) {
	w := newWorld(t, 1000)
	w.peer("empty", 0, nothing)
	w.peer("broken line", 0, everything)
	w.fails["broken line"] = fmt.Errorf("%w: gone", exchange.ErrTransport)
	w.run(t, 24*time.Hour)
	// A pass of eight requests after 30 s, 60 s, 2 min … up to an hour: 7 and then 23 of them.
	if got := w.calls["empty"]; got < 8*20 || got > 8*32 {
		t.Errorf("%d requests in a day", got)
	}
	if got := w.calls["broken line"]; got > 40 {
		t.Errorf("%d requests over a broken line in a day", got)
	}
	if len(w.punished) != 0 {
		t.Errorf("punished %v", w.punished)
	}
	w.peer("archive", 0, everything)
	w.run(t, time.Minute)
	if len(w.gaps) != 0 {
		t.Errorf("%d gaps left although one peer has all", len(w.gaps))
	}
}

func TestPunishesWrongBodies(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(w *world)
	}{
		{"another payload", func(w *world) {
			for _, m := range w.messages {
				m.Body = &core.Body{Salt: m.Body.Salt, Payload: append([]byte("x"), m.Body.Payload[1:]...)}
			}
		}},
		{"a broken protocol", func(w *world) { w.fails["a"] = fmt.Errorf("%w: not asked for", exchange.ErrProtocol) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 3)
			w.peer("a", 0, everything)
			tt.edit(w)
			w.run(t, 10*time.Second)
			if w.punished["a"] == nil || w.filled != 0 {
				t.Errorf("punished for %v, filled %d", w.punished["a"], w.filled)
			}
		})
	}
}

// A peer that sends envelopes without bodies is no use, and breaks no rule.
func TestBodiesOnly(t *testing.T) {
	w := newWorld(t, 3)
	for _, m := range w.messages {
		m.Body = nil
	}
	w.peer("a", 0, everything)
	w.run(t, 10*time.Second)
	if len(w.punished) != 0 || w.filled != 0 {
		t.Errorf("punished %v, filled %d", w.punished, w.filled)
	}
}

func TestValidate(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"batch": func(c *Config) { c.Batch = exchange.MaxIDs + 1 },
		"pause": func(c *Config) { c.Pause = 0 },
		"again": func(c *Config) { c.AgainMax = c.Again - 1 },
		"log":   func(c *Config) { c.Log = nil },
	} {
		cfg := DefaultConfig()
		edit(&cfg)
		if _, err := New(nil, nil, nil, cfg); err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%s: New = %v", name, err)
		}
	}
}
