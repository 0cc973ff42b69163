package gossip

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func TestFutureIsBounded(t *testing.T) {
	f := newFuture()
	start := time.Unix(1000, 0)
	for i := range 100 {
		h := held{due: start.Add(time.Duration(100-i) * time.Second), hash: core.Hash{byte(i)}}
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
