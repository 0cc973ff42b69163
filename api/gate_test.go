package api

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
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

// TestEvictedInTime lets a client that drips be evicted in the moment in which a piece of its body
// comes: the next piece is not waited for, whatever time it would have.
func TestEvictedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		c := newConnTable(10, 10).admit(here)
		defer c.Close()
		if !c.begin() {
			t.Fatal("the connection is not there")
		}
		rq := httptest.NewRequestWithContext(context.WithValue(t.Context(), connKey{}, c), "POST", "/", c.Conn)
		in := &body{ReadCloser: here, ctx: rq.Context(), conn: c, places: newGate(1, 0)}
		read := func() error {
			here.SetReadDeadline(time.Now().Add(time.Minute)) // as whoever reads a batch does
			_, err := in.Read(make([]byte, 1))
			return err
		}
		go func() {
			for range 3 {
				there.Write([]byte("x"))
			}
		}()
		if err := read(); err != nil {
			t.Fatal(err)
		}
		c.in.begin(1)
		c.evict() // of a read that gets its piece all the same
		c.in.end(2, 1)
		if err := read(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after it was evicted it is read on: %v", err)
		}
		c.end()
		if !c.begin() || c.evicted.Load() {
			t.Error("its next request cannot be evicted")
		}
	})
}

// TestShortIDs holds that nobody can choose two messages that count as one for those who follow the
// events: ids that begin alike are cheap to find.
func TestShortIDs(t *testing.T) {
	a, b := core.Hash{1, 2, 3, 4, 5, 6, 7, 8, 9}, core.Hash{1, 2, 3, 4, 5, 6, 7, 8, 10}
	one, other := newHub(nil), newHub(nil)
	first, again := one.short(a), one.short(a)
	if first == one.short(b) || first != again || first == other.short(a) {
		t.Error("short ids can be foreseen")
	}
}

// TestListsOfOneMachine has another machine ask for lists that take long: half of the places are left, and
// whoever asks in vain takes none away.
func TestListsOfOneMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := bare(t, nil)
		s.bulk = newBulk()
		there, here := from(t, "192.0.2.1"), from(t, "127.0.0.1")
		for range 2 {
			for i := range maxLists {
				if got := s.waitForList(there); got != (i < maxLists/2) {
					t.Errorf("list %d of the other machine: %v", i+1, got)
				}
			}
			for i := range maxLists {
				if got := s.waitForList(here); got != (i < maxLists/2) {
					t.Errorf("list %d of this machine: %v", i+1, got)
				}
			}
			for range maxLists / 2 {
				s.endList(there)
				s.endList(here)
			}
		}
		if len(s.bulk.lists) != 0 || len(s.bulk.share.has) != 0 {
			t.Errorf("in the end %d places are taken, by %v", len(s.bulk.lists), s.bulk.share.has)
		}
	})
}

// TestEventThatIsNone tells of something that JSON cannot hold: the node goes on.
func TestEventThatIsNone(t *testing.T) {
	h := newHub(bare(t, nil))
	h.tell(kindMining, Mining{HashRate: math.Inf(1)})
	h.tell(kindPeer, PeerEvent{Change: PeerConnected})
	if end := h.log.end(); end != 2 {
		t.Errorf("%d events were told, want the second one", end-1)
	}
}
