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

// A peer that has not got what many questions ask for, which were under way together, says one thing: it is
// asked again as soon as after one question. Else a peer that shows headers without bodies is not heard for 10 s,
// and as long its branch cannot be set aside.
func TestOneWordToManyQuestions(t *testing.T) {
	w := newWorld()
	m, us := branch(w, 16, 100), newModel(w)
	us.addHeaders(m.headersAfter(nil, 2000), core.Work{})
	limits, now := DefaultLimits(), time.Unix(0, 0)
	limits.Chunk, limits.SmallBytes = 1, 0
	p := newPlan(limits)
	p.step(now, us.look(1024))
	var asked []askBlocks
	for _, a := range p.step(now, peerUp{"a", w.claim(m.tip())}) {
		if q, ok := a.(askBlocks); ok {
			asked = append(asked, q)
		}
	}
	if len(asked) < 10 {
		t.Fatalf("void: %d questions", len(asked))
	}
	for _, q := range asked {
		if again := p.step(now, blocksDone{q.request, nil}); has[askBlocks](again) {
			t.Error("asked again at once")
		}
	}
	if again := find[askBlocks](t, p.step(now.Add(minLackPause), tick{})); again.hashes[0] != asked[0].hashes[0] {
		t.Errorf("asked for %v, want the first of the blocks", again.hashes[0])
	}
}
