package syncer

import (
	"testing"
	"time"
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
