package api

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
)

// TestGateQueue has one other machine queue for more than half of the places: it gets half.
func TestGateQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 8
		g, table := newGate(size, gateWait), newConnTable(100, 100)
		guest := func(ip string) context.Context {
			rq := from(t, ip)
			connOf(rq.Context()).table = table
			return rq.Context()
		}
		var here []context.Context
		for range size {
			here = append(here, guest("127.0.0.1"))
			if !g.enter(here[len(here)-1]) {
				t.Fatal("there was room")
			}
		}
		got := make(chan context.Context, size)
		for range size {
			go func() {
				if ctx := guest("192.0.2.1"); g.enter(ctx) {
					got <- ctx
				}
			}()
		}
		synctest.Wait()
		for _, ctx := range here {
			g.leave(ctx)
		}
		synctest.Wait()
		if len(got) != size/2 {
			t.Errorf("one machine has %d of %d places", len(got), size)
		}
		for len(got) > 0 {
			g.leave(<-got)
		}
		if g.len() != 0 || len(g.clients) != 0 || len(g.inside) != 0 {
			t.Errorf("in the end %d are inside, %v", g.len(), g.clients)
		}
	})
}

// TestGateGivesUp queues for longer than anybody waits, and for longer than a request lasts.
func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, table := newGate(1, gateWait), newConnTable(100, 100)
		guest := func() *http.Request {
			rq := from(t, "192.0.2.1")
			connOf(rq.Context()).table = table
			return rq
		}
		first := guest().Context()
		if !g.enter(first) {
			t.Fatal("there was room")
		}
		if g.enter(guest().Context()) {
			t.Error("there was none")
		}
		g.leave(first)
		if g.len() != 0 || len(g.clients) != 0 {
			t.Errorf("in the end %d are inside, %v", g.len(), g.clients)
		}
	})
}
