package gossip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func TestFutureIsBounded(t *testing.T) {
	f := newFuture()
	start := time.Unix(1000, 0)
	for i := range 100 {
		h := held{due: start.Add(time.Duration(100-i) * time.Second), hash: core.Hash{byte(i)}, from: peer.ID(fmt.Sprint(i % 10))}
		f.add(h)
		f.add(h)
	}
	if f.len() != maxHeld {
		t.Errorf("holds %d, want %d", f.len(), maxHeld)
	}
	due, wait := f.due(start.Add(10 * time.Second))
	if len(due) != 10 || wait != time.Second {
		t.Errorf("%d are due, the next one in %v; want 10 and 1s", len(due), wait)
	}
	for i := range due {
		if want := byte(99 - i); due[i].hash[0] != want {
			t.Errorf("due %d is %d, want %d", i, due[i].hash[0], want)
		}
	}
	if due, _ := f.due(start.Add(time.Hour)); len(due) != maxHeld-10 || f.len() != 0 {
		t.Errorf("%d are due later, %d stay", len(due), f.len())
	}
}

func TestFutureHasQuotas(t *testing.T) {
	f := newFuture()
	due := time.Unix(1000, 0)
	for i := range 10 {
		f.add(held{due: due, hash: core.Hash{1}, from: peer.ID(fmt.Sprint(i))})
	}
	if f.len() != heldPerBlock {
		t.Errorf("holds %d announcements of one block, want %d", f.len(), heldPerBlock)
	}
	for i := range byte(100) {
		f.add(held{due: due, hash: core.Hash{2, i}, from: "a"})
	}
	if got := f.len() - heldPerBlock; got != heldPerPeer {
		t.Errorf("holds %d announcements of one peer, want %d", got, heldPerPeer)
	}
	out, _ := f.due(due)
	for i := range heldPerBlock {
		if want := peer.ID(fmt.Sprint(i)); out[i].from != want {
			t.Errorf("announcement %d is not the one that came as such", i)
		}
	}
}

// A compact announcement is forwarded and rebuilt when its time comes; if its short ids are made up,
// those of the next one help.
func TestHeldCompactAnnouncement(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) {
		h.TimeMS = n.Params.GenesisTimeMS + uint64((time.Hour + 3*time.Minute).Milliseconds())
	}, m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.say(t, m...)
		for i, p := range []peer.ID{"a", "b"} {
			data := encodeCompact(b)
			if i == 0 {
				data = MadeUp(b, 1)
			}
			if err := y.takeAnnouncement(p, data); !errors.Is(err, consensus.ErrTimeInFuture) {
				t.Fatalf("takeAnnouncement = %v, want ErrTimeInFuture", err)
			}
			y.hold(p, data)
		}
		y.pass(time.Minute)
		due, _ := y.future.due(y.cfg.Now())
		if len(due) != 2 {
			t.Fatalf("%d are due, want 2", len(due))
		}
		for i, h := range due {
			if got := y.announce(h.from, h.data); got != (i == 0) {
				t.Errorf("announcement %d is to be forwarded: %v", i, got)
			}
		}
		y.run(time.Minute)
		y.wantBlock(b)
	})
}

func TestHeldHeaderIsUsedWhenDue(t *testing.T) {
	n := coretest.Network(t)
	ahead := func(d time.Duration) *core.Block {
		return coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) {
			h.TimeMS = n.Params.GenesisTimeMS + uint64((time.Hour + d).Milliseconds())
		})
	}
	near, far := ahead(5*time.Minute), ahead(13*time.Minute)
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, n)
		for _, b := range []*core.Block{near, far} {
			data := encodeWhole(b)
			if err := d.takeAnnouncement("a", data); !errors.Is(err, consensus.ErrTimeInFuture) {
				t.Fatalf("takeAnnouncement = %v, want ErrTimeInFuture", err)
			}
			d.hold("a", data)
		}
		if got := d.Stats().Held; got != 1 {
			t.Fatalf("%d headers held, want the one of less than ten minutes", got)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { d.releaseFuture(ctx) })
		pass := func(by time.Duration) {
			d.pass(by)
			time.Sleep(by)
			synctest.Wait()
		}
		pass(2*time.Minute + 59*time.Second)
		if len(d.offered) != 0 {
			t.Error("used before its time")
		}
		pass(time.Second)
		if len(d.offered) != 1 || d.Stats().Held != 0 {
			t.Errorf("offered %d, held %d; want it used", len(d.offered), d.Stats().Held)
		}
		if len(d.punished) > 0 {
			t.Error("somebody was punished")
		}
		cancel()
		running.Wait()
	})
}
