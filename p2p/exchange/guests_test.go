package exchange

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// TestAskedTooOften answers later, not less, and refuses only what the asking side would not wait
// for.
func TestAskedTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gs := newGuests()
		g := gs.enter("a", time.Now())
		start := time.Now()
		for range 20 {
			if err := g.wait(t.Context(), kindVote, 1, 10*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("20 votes took %v, want 1s after the first 10", took)
		}
		start = time.Now()
		if err := gs.enter("b", start).wait(t.Context(), kindVote, 1, 10*time.Second); err != nil || time.Since(start) > 0 {
			t.Errorf("another peer waited for %v, %v", time.Since(start), err)
		}
		if again := gs.enter("a", time.Now()); again != g {
			t.Error("a new stream has new limits")
		}
		for range 200 { // more at a time than 10 s allow
			go g.wait(t.Context(), kindVote, 1, time.Hour)
		}
		synctest.Wait()
		if err := g.wait(t.Context(), kindVote, 1, 10*time.Second); err == nil {
			t.Error("a request that would wait for 20 s is not refused")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.wait(ctx, kindVote, 1, 10*time.Second); err == nil {
			t.Error("an ended context waits")
		}
		if err := g.wait(t.Context(), kindBlocks, 1<<30, 10*time.Second); err != nil {
			t.Errorf("more than a burst: %v", err)
		}
		time.Sleep(time.Hour)
	})
}

// TestHeadersAreDear lets a peer fetch the headers of a year as fast as it can, and then no more than
// a few pages a second.
func TestHeadersAreDear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, start := newGuests().enter("a", time.Now()), time.Now()
		pages := func(n int) time.Duration {
			for range n {
				if err := g.wait(t.Context(), kindHeaders, 1, 10*time.Second); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		if took := pages(240); took != 0 {
			t.Errorf("240 pages took %v", took)
		}
		if took := pages(40); took != 5*time.Second {
			t.Errorf("40 more took %v, want 5s", took)
		}
		time.Sleep(forgetAfter) // what is forgotten by then must be no better off
		if limiter := g.limits[kindHeaders]; limiter.Tokens() < float64(limiter.Burst()) {
			t.Errorf("%v pages are left after %v", limiter.Tokens(), forgetAfter)
		}
	})
}

// TestGuestsAreForgotten bounds the memory of peers that come and go.
func TestGuestsAreForgotten(t *testing.T) {
	gs := newGuests()
	now := time.Now()
	busy := gs.enter("busy", now)
	busy.left = now.Add(-time.Hour)
	for i := range 10 * manyGuests {
		now = now.Add(100 * time.Millisecond)
		g := gs.enter(peer.ID(string(rune('0'+i))), now)
		gs.leave(g, now)
	}
	if len(gs.all) > manyGuests+1 {
		t.Errorf("%d guests are remembered", len(gs.all))
	}
	if gs.all["busy"] != busy {
		t.Error("a guest with an open stream was forgotten")
	}
}
