package syncer

import (
	"cmp"
	"slices"
	"time"

	"p2pchain/core"
)

// A lean block is not settled and came without some of its bodies. It is kept, since authors may have asked
// to erase what it lacks, in a block nearby or in a message that waits. There are no more of them than
// blocks that are not settled or that were set aside, and than half a window of bytes.
type lean struct {
	height uint64
	arrival
	weighing bool      // the chain is looking for reasons
	news     uint64    // what had come when it was last weighed
	next     time.Time // when it is weighed again even though nothing came
}

type (
	// excuse asks the chain whether a block may be connected without the bodies that it lacks, for reasons
	// that it knows, or that are in blocks nearby.
	excuse struct {
		hash  core.Hash
		block *core.Block
		near  []*core.Block // nil where none came since the last time
	}
	// excused is the answer.
	excused struct {
		hash core.Hash
		ok   bool
	}
)

func (excuse) isAction() {}

// weighEvery is how long a lean block waits before the chain is asked again: a message that waits may have
// come from elsewhere.
const weighEvery = 2 * time.Second

// keepLean keeps a block that came without some of its bodies. What several peers give is put together.
func (p *plan) keepLean(s *slot, a arrival) {
	if p.settled(s.height) || s.got.block != nil {
		return
	}
	p.news++
	i := slices.IndexFunc(p.lean, func(l *lean) bool { return l.hash == s.hash })
	if i < 0 {
		p.lean = append(p.lean, &lean{height: s.height, arrival: a})
		p.trimLean()
		return
	}
	l := p.lean[i]
	msgs := slices.Clone(l.block.Messages)
	for i, m := range a.block.Messages {
		if msgs[i].Body == nil && m.Body != nil {
			msgs[i] = m
		}
	}
	whole := &core.Block{Header: l.block.Header, Messages: msgs}
	l.arrival = arrival{hash: l.hash, block: whole, size: whole.Size(), from: a.from}
	if l.whole() {
		p.arrive(l.arrival)
	}
}

// trimLean drops the blocks that are needed last until the rest fits.
func (p *plan) trimLean() {
	slices.SortFunc(p.lean, func(a, b *lean) int { return cmp.Compare(a.height, b.height) })
	bytes := 0
	for i, l := range p.lean {
		if bytes += l.size; i > 0 && bytes > p.limits.WindowBytes/2 {
			p.lean = slices.Delete(p.lean, i, len(p.lean))
			return
		}
	}
}

// weigh asks for reasons why lean blocks lack what they lack.
func (p *plan) weigh() {
	p.lean = slices.DeleteFunc(p.lean, func(l *lean) bool {
		return p.settled(l.height) || !p.wants(l.hash)
	})
	for _, l := range p.lean {
		if s := p.window.index[l.hash]; s != nil && s.got.block != nil {
			continue // the chain is asked for more than that
		}
		if l.weighing || l.news == p.news && p.now.Before(l.next) {
			continue
		}
		e := excuse{hash: l.hash, block: l.block}
		if l.news != p.news {
			e.near = p.unsettled()
		}
		l.weighing, l.news, l.next = true, p.news, p.now.Add(weighEvery)
		p.do(e)
	}
}

// wants reports whether a block is one of the window, or of those that were set aside.
func (p *plan) wants(hash core.Hash) bool {
	return p.window.index[hash] != nil || slices.ContainsFunc(p.shunned, func(s *slot) bool { return s.hash == hash })
}

// unsettled returns what came of the last blocks of the window.
func (p *plan) unsettled() []*core.Block {
	var out []*core.Block
	for _, l := range p.lean {
		out = append(out, l.block)
	}
	for _, s := range slices.Backward(p.window.slots) {
		if p.settled(s.height) {
			break
		}
		if s.got.block != nil {
			out = append(out, s.got.block)
		}
	}
	return out
}

func (e excused) apply(p *plan) {
	i := slices.IndexFunc(p.lean, func(l *lean) bool { return l.hash == e.hash })
	if i < 0 {
		return
	}
	l := p.lean[i]
	l.weighing, l.next = false, p.now.Add(weighEvery)
	switch s := p.window.index[l.hash]; {
	case !e.ok || s != nil && s.got.block != nil:
	case s == nil: // it was set aside
		p.lean = slices.Delete(p.lean, i, i+1)
		p.spare(l.arrival)
	default:
		s.anyhow = true
		p.arrive(l.arrival)
	}
}
