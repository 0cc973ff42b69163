package api_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest/random"
)

// TestEventsTellAll lets a node live through messages, blocks and reorgs in any order while clients
// leave and come back, now and then all of them, and holds what each was told to what is.
func TestEventsTellAll(t *testing.T) {
	seed := random.Seed(t)
	for i := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(seed, i)))
			clients := []*follower{w.follow(), w.follow("Accept", "application/x-ndjson"), w.follow()}
			for range 200 {
				w.step()
				time.Sleep(time.Duration(w.rand.IntN(3)*w.rand.IntN(100)) * time.Millisecond)
				for _, f := range clients {
					if w.rand.IntN(10) == 0 {
						f.leave()
					}
					if w.rand.IntN(5) == 0 {
						f.comeBack()
					}
				}
			}
			for _, f := range clients {
				f.comeBack()
			}
			time.Sleep(10 * time.Second)
			for i, f := range clients {
				f.leave()
				if f.failed != nil {
					t.Errorf("client %d: %v", i, f.failed)
				} else if err := w.compare(f.mirror); err != nil {
					t.Errorf("client %d: %v", i, err)
				}
			}
			t.Logf("%d reorgs, %d events", w.reorgs, clients[0].mirror.number)
		})
	}
}

// A world is a node to which things happen.
type world struct {
	*realNode
	rand     *rand.Rand
	names    map[core.Hash]string // of blocks
	holds    map[string]map[core.Hash]bool
	messages []*core.Message
	reorgs   int
}

func newWorld(t *testing.T, r *rand.Rand) *world {
	w := &world{realNode: newRealNode(t).pipe(), rand: r, names: make(map[core.Hash]string), holds: make(map[string]map[core.Hash]bool)}
	w.names[w.deps.Network.Genesis] = "genesis"
	return w
}

// step lets something happen.
func (w *world) step() {
	switch w.rand.IntN(4) {
	case 0, 1:
		for range 1 + w.rand.IntN(5) {
			m := w.message(fmt.Sprint("message ", len(w.messages)))
			w.messages = append(w.messages, m)
			if w.rand.IntN(4) > 0 { // the others come with a block
				w.add(m)
			}
		}
	case 2:
		w.grow(0, 1)
	case 3:
		w.grow(w.rand.Uint64N(4), 1+w.rand.IntN(5))
	}
}

// grow builds a branch on a block so far below the tip, and connects it at once: it may win or not.
func (w *world) grow(below uint64, length int) {
	tip := w.chain.Tip()
	at, err := w.chain.HashAt(tip.Header.Height - min(below, tip.Header.Height))
	if err != nil {
		w.t.Fatal(err)
	}
	parent := w.names[at]
	var blocks []*core.Block
	for range length {
		name := fmt.Sprint("block ", len(w.names))
		holds := maps.Clone(w.holds[parent])
		if holds == nil {
			holds = make(map[core.Hash]bool)
		}
		var msgs []*core.Message
		for _, m := range w.messages {
			if !holds[m.ID] && w.rand.IntN(3) == 0 && len(msgs) < 8 {
				msgs = append(msgs, m)
				holds[m.ID] = true
			}
		}
		b := w.forks.Next(parent, name, msgs...)
		blocks = append(blocks, b)
		w.names[b.Header.Hash()], w.holds[name] = name, holds
		parent = name
	}
	w.connect(blocks...)
	if u, err := w.chain.UpdatesSince(tip.Hash, 1); err == nil && len(u.Reverted) > 0 {
		w.reorgs++
	}
}

// compare holds what a client knows to what is.
func (w *world) compare(m *mirror) error {
	if m.resets > 0 {
		return fmt.Errorf("%d resets", m.resets)
	}
	if tip := w.chain.Tip(); m.tip() != tip.Hash || len(m.chain) != int(tip.Header.Height)+1 {
		return fmt.Errorf("tip is %d, %v, want %d, %v", len(m.chain)-1, m.tip(), tip.Header.Height, tip.Hash)
	}
	list, err := w.pool.List(0, 1<<20)
	if err != nil {
		return err
	}
	for _, entry := range list {
		if !m.waiting[entry.ID] {
			return fmt.Errorf("does not know that %v waits", entry.ID)
		}
	}
	if len(m.waiting) != len(list) || len(m.limbo) > 0 {
		return fmt.Errorf("%d messages wait and %d are nowhere, want %d and none", len(m.waiting), len(m.limbo), len(list))
	}
	return nil
}

// A follower is a client that believes what it is told.
type follower struct {
	world  *world
	header []string
	l      *listener // nil: it is away
	mirror *mirror
	failed error
	done   chan struct{}
}

func (w *world) follow(headers ...string) *follower {
	f := &follower{world: w, header: headers, mirror: newMirror(w.deps.Network.Genesis)}
	f.comeBack()
	return f
}

// comeBack connects where the client is away, and reads on from the last event.
func (f *follower) comeBack() {
	if f.l != nil {
		return
	}
	headers := f.header
	if f.mirror.run != "" {
		headers = append([]string{"Last-Event-ID", fmt.Sprint(f.mirror.run, "-", f.mirror.number)}, headers...)
	}
	f.l, f.done = f.world.listen("", headers...), make(chan struct{})
	go func() {
		defer close(f.done)
		for f.failed == nil {
			e, err := f.l.next()
			if err != nil {
				return // left
			}
			f.failed = f.mirror.apply(e)
		}
	}()
}

// leave ends the connection, anywhere in the stream.
func (f *follower) leave() {
	if f.l == nil {
		return
	}
	f.l.conn.Close()
	<-f.done
	f.l = nil
}
