package p2p

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// A ledger notes when peers were let go.
type ledger struct {
	mu   sync.Mutex
	gone map[peer.ID][]time.Duration
	from time.Time
}

func (l *ledger) note(p peer.ID) func() {
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.gone[p] = append(l.gone[p], time.Since(l.from))
	}
}

// TestClosings lets peers go while a crowd of others waits for it: who broke a rule goes at once,
// nobody is forgotten, and nobody takes two places.
func TestClosings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c closings
		l := &ledger{gone: make(map[peer.ID][]time.Duration), from: time.Now()}
		for range 10 { // one foreigner that says hello again and again
			c.add("chatty", 3*time.Second, l.note("chatty"))
		}
		if len(c.pending) != 1 {
			t.Errorf("one peer has %d places", len(c.pending))
		}
		for i := range 400 {
			p := peer.ID(fmt.Sprint("foreigner ", i))
			c.add(p, 3*time.Second, l.note(p))
		}
		c.add("broken", 0, l.note("broken"))
		c.add("chatty", 0, l.note("chatty")) // it broke a rule as well
		synctest.Wait()
		l.mu.Lock()
		for _, p := range []peer.ID{"broken", "chatty", "foreigner 399"} {
			if got := l.gone[p]; len(got) != 1 || got[0] != 0 {
				t.Errorf("%s was let go at %v, want once and at once", p, got)
			}
		}
		l.mu.Unlock()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		l.mu.Lock()
		if len(l.gone) != 402 || len(l.gone["foreigner 0"]) != 1 || l.gone["foreigner 0"][0] != 3*time.Second {
			t.Errorf("%d let go, want 402; the first at %v, want after 3 s", len(l.gone), l.gone["foreigner 0"])
		}
		l.mu.Unlock()
		c.add("late", time.Hour, l.note("late"))
		c.stop()
		c.add("later", 0, l.note("later"))
		synctest.Wait()
		if len(l.gone) != 402 || len(l.gone["chatty"]) != 1 {
			t.Error("let go after stop, or twice")
		}
	})
}
