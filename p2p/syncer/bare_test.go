package syncer

import (
	"slices"
	"testing"
	"time"

	"p2pchain/core"
)

// Old payloads that were dropped or erased do not hold up a sync, and where somebody has them all, that
// one is asked.
func TestForgottenBodiesDoNotHoldUp(t *testing.T) {
	const blocks = 1009 // the tip has all bodies, and so have those that are not settled
	for _, tt := range []struct {
		name  string
		kinds []string
		bare  int // blocks taken without bodies
		came  int // and that came so, at most
	}{
		{"all are pruned", []string{pruned, pruned, pruned}, blocks - 20 - 1, blocks + 100},
		{"one has all", []string{pruned, pruned, pruned, honest}, 0, 0},
		{"one has all but is silent", []string{pruned, pruned, silent}, blocks - 20 - 1, blocks + 100},
		{"a few are erased by all", []string{erasing, erasing, erasing, erasing, erasing, erasing}, blocks / 10, maxBare * blocks / 10},
		{"a few are erased by the only one", []string{erasing}, blocks / 10, blocks / 10},
		{"erased by all but one", []string{erasing, erasing, honest}, 0, 2 * blocks / 10},
		{"erased, and others are pruned", []string{pruned, erasing, pruned}, (blocks - 20) / 10, blocks / 10}, // they have the last two
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSim(16)
			served := newModel(s.world)
			extend(served, blocks)
			n := star(s, newModel(s.world), served, tt.kinds...)
			took, ok := s.run(10*time.Minute, reached(n, served))
			if !ok || took >= asideAfter && tt.kinds[len(tt.kinds)-1] != silent {
				t.Errorf("took %v (done: %v), which is as long as others get to bring it", took, ok)
			}
			if n.bare != tt.bare || n.bareCame > tt.came || len(n.offences) > 0 && tt.kinds[len(tt.kinds)-1] != silent {
				t.Errorf("%d blocks taken without bodies, want %d; %d came so, at most %d expected; punished %v",
					n.bare, tt.bare, n.bareCame, tt.came, n.offences)
			}
			t.Logf("took %v, %d blocks without bodies came", took, n.bareCame)
		})
	}
}

// Blocks that are kept without their bodies, in the hope of a reason, are as bounded as those of the window,
// and the first one stays: with it everything moves.
func TestLeanBlocksAreBounded(t *testing.T) {
	w := newWorld()
	m, us := newModel(w), newModel(w)
	extend(m, settledDepth)
	us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
	p, now := newPlan(DefaultLimits()), time.Unix(0, 0)
	p.step(now, us.look(1024))
	asked := find[askBlocks](t, p.step(now, peerUp{"a", w.claim(m.tip())}))
	size := p.limits.WindowBytes / 5
	for _, hash := range slices.Backward(asked.hashes) {
		b := w.block(hash)
		b.Messages = []*core.Message{{}}
		p.step(now, blockCame{asked.request, arrival{hash: hash, block: b, size: size}})
		kept := 0
		for _, l := range p.lean {
			kept += l.size
		}
		if kept == 0 || kept > p.limits.WindowBytes/2 {
			t.Errorf("%d bytes are kept, want some and at most %d", kept, p.limits.WindowBytes/2)
		}
	}
	if len(asked.hashes) != settledDepth || p.lean[0].hash != asked.hashes[0] {
		t.Errorf("%d asked for; the first one kept is not the first", len(asked.hashes))
	}
	ready := find[connect](t, p.step(now, excused{asked.hashes[0], true}))
	if len(ready.batch) != 1 || ready.batch[0].hash != asked.hashes[0] || ready.batch[0].from != "a" {
		t.Errorf("handed over %v", ready.batch)
	}
}
