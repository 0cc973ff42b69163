package syncer

import (
	"runtime"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// While the chain stores some blocks, the next ones are handed over already. What is said about these
// after the first ones failed is not held against their sender.
func TestConnectsOverlap(t *testing.T) {
	now := time.Unix(0, 0)
	for name, second := range map[string]struct {
		err      error
		punished bool
	}{
		"parent unknown": {consensus.ErrParentUnknown, false},
		"condemned":      {chain.ErrCondemned, false},
		"own fault":      {consensus.ErrSignature, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			m, us := newModel(w), newModel(w)
			extend(m, 4)
			us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
			l := DefaultLimits()
			l.BatchBlocks, l.Chunk, l.InFlight = 1, 2, 2
			p := newPlan(l)
			p.step(now, us.look(1024))
			first := find[askBlocks](t, p.step(now, peerUp{"first", w.claim(m.tip())}))
			other := find[askBlocks](t, p.step(now, peerUp{"other", w.claim(m.tip())}))
			var handed [][]arrival
			came := func(request uint64, hash core.Hash) {
				for _, a := range p.step(now, blockCame{request, arrival{hash: hash, block: w.block(hash), size: 500}}) {
					if c, ok := a.(connect); ok {
						handed = append(handed, c.batch)
					}
				}
			}
			came(first.request, first.hashes[0])
			came(other.request, other.hashes[0])
			came(other.request, other.hashes[1])
			came(first.request, first.hashes[1])
			if len(handed) != 2 || handed[0][0].hash != first.hashes[0] || handed[1][0].hash != first.hashes[1] {
				t.Fatalf("%d batches were handed over, want the first two blocks", len(handed))
			}
			handed[1][0].from = "other" // as if it had brought this one
			done := p.step(now, connected{batch: handed[0], err: consensus.ErrMessageRoot, chain: us.look(1024)})
			if got := find[punish](t, done); got.id != "first" || has[connect](done) {
				t.Errorf("after the first failed: %v", done)
			}
			done = p.step(now, connected{batch: handed[1], err: second.err, chain: us.look(1024)})
			if has[punish](done) != second.punished {
				t.Errorf("punished for what came before: %v", has[punish](done))
			}
			if p.connecting != 0 || p.spoiled != 0 {
				t.Errorf("%d calls under way, %d of them spoiled", p.connecting, p.spoiled)
			}
		})
	}
}

// What the window moved past is not kept in memory by it.
func TestWindowLetsGo(t *testing.T) {
	w := newWorld()
	m := newModel(w)
	extend(m, 8)
	hashes := m.connected[1:]
	win := newWindow()
	win.rebuild(hashes, 1)
	freed := make(chan struct{})
	block := w.block(hashes[0])
	block.Messages = make([]*core.Message, 1000)
	runtime.AddCleanup(block, func(ch chan struct{}) { close(ch) }, freed)
	win.put(arrival{hash: hashes[0], block: block, size: 500})
	win.rebuild(hashes[1:], 2)
	block = nil
	for range 100 {
		runtime.GC()
		select {
		case <-freed:
			runtime.KeepAlive(win)
			return
		case <-time.After(time.Millisecond):
		}
	}
	t.Error("the block is still in memory")
}

// A large block on a slow line is progress piece by piece; crumbs are none.
func TestPartsAreProgress(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes   int
		stalled bool
	}{
		"pieces": {64 << 10, false},
		"crumbs": {1 << 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Unix(0, 0)
			w := newWorld()
			m, us := newModel(w), newModel(w)
			extend(m, 1)
			us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
			p := newPlan(DefaultLimits())
			p.step(now, us.look(1024))
			asked := find[askBlocks](t, p.step(now, peerUp{"slow", w.claim(m.tip())}))
			for range 30 { // a piece a second
				now = now.Add(time.Second)
				p.step(now, partCame{asked.request, tt.bytes})
			}
			p.step(now, partCame{asked.request + 100, tt.bytes}) // of a request that is over
			if got := p.byID["slow"].strikes > 0; got != tt.stalled {
				t.Errorf("it stalled: %v, want %v", got, tt.stalled)
			}
		})
	}
}
