package gossip

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// toldOf waits until the syncer knows that a peer has a block, and returns after how long.
func (y *yard) toldOf(p peer.ID, limit time.Duration) time.Duration {
	y.t.Helper()
	begin := time.Now()
	for ; time.Since(begin) < limit; time.Sleep(time.Millisecond) {
		synctest.Wait()
		y.mu.Lock()
		told := slices.Contains(y.told, p)
		y.mu.Unlock()
		if told {
			return time.Since(begin)
		}
	}
	y.t.Errorf("the syncer does not know after %v that %s has the block", limit, string(p))
	return limit
}

// join adds a peer while the rebuilder works.
func (y *yard) join(p peer.ID, s source) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.sources[p] = &s
}

// running lets the rebuilder work until the function that it returns is called.
func (y *yard) running() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { y.rebuilder.run(ctx) })
	return func() { cancel(); running.Wait() }
}

// Where headers are cheap, many peers may announce blocks and give nothing of them. Others wait for a
// moment at most.
func TestWithheldBlocksHoldUpNoOther(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	blocks := make([]*core.Block, maxRebuilds)
	for i := range blocks {
		blocks[i] = coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.Nonce = uint64(i) << 32 }, m...)
	}
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.say(t, m[1:]...)
		defer y.running()()
		for i, b := range blocks[:maxRebuilds-1] {
			p := peer.ID(fmt.Sprint("withholds ", i/rebuildsPerPeer))
			y.join(p, source{silent: true})
			y.announce(p, encodeCompact(b))
		}
		y.announce("honest", encodeCompact(blocks[maxRebuilds-1]))
		if took := y.toldOf("honest", time.Minute); took != maxQueued {
			t.Errorf("an honest block is left to the syncer after %v, want %v", took, maxQueued)
		}
		if got := y.Stats().Rebuilds.Left; got != maxRebuilds-rebuildWorkers {
			t.Errorf("%d rebuilds were left to the syncer, want those that waited", got)
		}
		y.rebuilder.mu.Lock()
		defer y.rebuilder.mu.Unlock()
		if len(y.rebuilder.queue) > 0 || len(y.rebuilder.all) != rebuildWorkers {
			t.Errorf("%d wait of %d", len(y.rebuilder.queue), len(y.rebuilder.all))
		}
	})
}

// Peers that announce an honest block first and are slow do not add up.
func TestSlowAnnouncersDoNotAddUp(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	for name, slow := range map[string]source{"silent": {silent: true}, "absent": {delay: maxAlone * 9 / 10, absent: 100}} {
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, n)
			y.say(t, m[1:]...)
			defer y.running()()
			for i := range 8 {
				p := peer.ID(fmt.Sprint(name, i))
				y.join(p, slow)
				y.announce(p, encodeCompact(b))
			}
			y.join("honest", source{block: b})
			y.join("late", source{block: b})
			y.announce("honest", encodeCompact(b))
			if took := y.toldOf("honest", time.Minute); took < maxAlone || took > maxAlone+askTime+maxPause {
				t.Errorf("%s: the block is left to the syncer after %v", name, took)
			}
			y.announce("late", encodeCompact(b))
			if took := y.toldOf("late", time.Minute); took != 0 {
				t.Errorf("%s: one more who has it is known after %v", name, took)
			}
			time.Sleep(rebuildTime)
			synctest.Wait()
			y.mu.Lock()
			defer y.mu.Unlock()
			if len(y.told) != 10 {
				t.Errorf("%s: told of %v, want each once", name, y.told)
			}
		})
	}
}
