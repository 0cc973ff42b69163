package syncer

import (
	"testing"
	"time"

	"p2pchain/core"
)

// A peer that announced a block before it had it, said so when it was asked, and says hello with it when
// it has it, told the truth all along: it must not be punished when the next one says that it is not there
// yet, nor for an answer that was under way when it said hello.
func TestBlockThatWasNotThereYet(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hello int // before which answer of the first peer
		first bool
	}{{"hello after the answer", 1, false}, {"hello before the answer", 0, true}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			m, us := branch(w, 1, 100), newModel(w)
			us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
			now := time.Unix(0, 0)
			p := newPlan(DefaultLimits())
			p.step(now, us.look(1024))
			p.step(now, peerUp{"a", w.claim(w.genesis)})
			p.step(now, peerUp{"b", w.claim(w.genesis)})
			actions := p.step(now, announced{"a", w.claim(m.tip())})
			q := find[askBlocks](t, actions)
			p.step(now, announced{"b", w.claim(m.tip())})
			now = now.Add(unbackedAfter)
			if tt.first {
				p.step(now, peerUp{"a", w.claim(m.tip())})
			}
			actions = p.step(now, blocksDone{q.request, nil})
			second := find[askBlocks](t, actions)
			if !tt.first {
				actions = append(actions, p.step(now, peerUp{"a", w.claim(m.tip())})...)
			}
			actions = append(actions, p.step(now, blocksDone{second.request, nil})...)
			if has[punish](actions) {
				t.Errorf("punished in %v", actions)
			}
			if has[setAside](actions) {
				t.Error("set aside although a peer stands by it")
			}
			actions = append(actions[len(actions)-1:], p.step(now.Add(minLackPause), tick{})...)
			if again := find[askBlocks](t, actions); again.peer != "a" {
				t.Errorf("asked %v, want the peer that has the block", again.peer)
			}
		})
	}
}
