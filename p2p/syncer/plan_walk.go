package syncer

import (
	"fmt"
	"time"

	"p2pchain/core"
)

// A proof is what a first pass over a branch of headers showed. It outlives its session where the
// chain wants blocks before it takes the rest of the branch.
type proof struct {
	work  core.Work // of the whole branch; zero is no proof
	marks []mark    // the ends of the pages that the chain has not got yet, ascending
	at    core.Hash // where the second pass goes on in a new session
}

// A mark is the end of a page.
type mark struct {
	hash   core.Hash
	height uint64
}

func (f *proof) none() bool { return f.work == (core.Work{}) }

// pass drops the marks up to what the chain took.
func (f *proof) pass(end Claim) {
	for len(f.marks) > 0 && f.marks[0].height <= end.Height {
		f.marks = f.marks[1:]
	}
}

const (
	// maxMarks bounds a first pass: 40 bytes for each of its pages.
	maxMarks = 1 << 16
	// A first pass is for branches that left ours long ago, which is rare. After so many pages it
	// goes slowly, all those that do in turn, so that worthless headers without end cost little of our
	// time.
	fastPages = 16
	slowPage  = time.Second
)

// firstPass begins to walk the branch of a session. Half of the sessions are for this at most: a
// peer with headers without end must not keep us from those that have something. One that goes slowly
// is in nobody's way.
func (p *plan) firstPass(r *remote) {
	walking := 0
	for _, o := range p.remotes {
		if s := o.session; s != nil && s.probing && len(s.proof.marks) < fastPages {
			walking++
		}
	}
	if walking >= max(1, p.limits.Sessions/2) {
		p.retry(r, p.limits.Poll)
		return
	}
	r.session.probing = true
	p.ask(r, r.session.fork)
}

// cutOff ends a session whose branch is as far ahead of its blocks as the chain allows. If that part
// of the branch is not better than ours, its blocks will be fetched only if it is proven to go on.
func (p *plan) cutOff(r *remote, end Claim) {
	s := r.session
	best := end.Tip == p.best.Tip || s.fork == p.best.Tip
	if s.proof.none() && !best && end.Work.Cmp(p.known()) <= 0 {
		s.cut = true
		p.firstPass(r)
		return
	}
	p.endSession(r)
	r.held = true
	if s.proof.work.Cmp(p.known()) > 0 { // else our own chain grew meanwhile: it needs another one
		r.proof = s.proof
		r.proof.at = s.after
		if end.Tip != (core.Hash{}) {
			r.proof.at = end.Tip
		}
	}
}

func (e headersProbed) apply(p *plan) {
	r := p.sessionOf(e.session)
	if r == nil {
		return
	}
	s := r.session
	if e.err != nil {
		p.refused(r, e.err)
		return
	}
	s.proof.marks = append(s.proof.marks, mark{e.end.Tip, e.end.Height})
	s.walked += e.sent
	s.reached, s.enough = e.end, e.enough
	p.walkOn(r, e.sent < p.limits.HeadersPage)
}

// walkOn goes on with a first pass: to the end of the branch if that is near, so that it is proven to
// have all its work, else until it has more than ours.
func (p *plan) walkOn(r *remote, ends bool) {
	s := r.session
	fast := len(s.proof.marks) < fastPages
	wins := s.reached.Work.Cmp(p.known()) > 0
	switch {
	case wins && (ends || !fast), ends && s.enough && !s.cut:
		p.delivered(r)
		s.probing, s.proof.work = false, s.reached.Work
		p.ask(r, s.fork)
	case ends:
		p.branchEnds(r, s.reached)
	case s.reached.Height > r.claim.Height+uint64(2*p.limits.HeadersPage) || len(s.proof.marks) >= maxMarks:
		p.accuse(r, fmt.Errorf("%d headers of little work: %w", s.walked, ErrFalseClaim))
	case fast:
		p.ask(r, s.reached.Tip)
	default:
		s.resume, s.parked = p.now.Add(slowPage), true
		p.sessions--
	}
}

// resumeSessions asks on in the first pass that has waited the longest of those that go slowly.
func (p *plan) resumeSessions() {
	var next *session
	var of *remote
	for _, r := range p.remotes {
		if s := r.session; s != nil && s.parked && (next == nil || s.resume.Before(next.resume)) {
			next, of = s, r
		}
	}
	if next == nil || p.now.Before(next.resume) || p.now.Before(p.slowAt) {
		return
	}
	next.parked = false
	p.sessions++
	p.slowAt = p.now.Add(slowPage)
	p.ask(of, next.reached.Tip)
}

// secondPass takes only what the first one proved: up to the last of its marks within the page.
func (p *plan) secondPass(r *remote, headers []core.Header) {
	s := r.session
	left := s.proof.marks
	end := 0
	for i := range headers {
		if len(left) > 0 && headers[i].Hash() == left[0].hash {
			left, end = left[1:], i+1
		}
	}
	if end == 0 { // another branch than before: a reorg over there, or a trick
		r.lies++
		p.retry(r, p.patience(r))
		return
	}
	p.do(takeHeaders{s.id, headers[:end], s.proof.work})
}
