package syncer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// Reasons for which a peer is punished, besides the broken rules of core/consensus.
var (
	// ErrStalled means that a peer answered too slowly again and again while others did not. That
	// breaks no rule: an honest peer may have a slow line.
	ErrStalled = consensus.NewRefusal("stalled", consensus.Undecided)
	// ErrFalseClaim means that a peer claimed more work than its headers prove, again and again, or
	// showed headers of blocks that it has not got.
	ErrFalseClaim = consensus.NewRefusal("claimed more work than it has", consensus.Broken)
	// ErrOffTopic means that an answer does not continue what was asked for.
	ErrOffTopic = consensus.NewRefusal("answer does not fit the question", consensus.Broken)
)

// A session walks up one peer's chain of headers, a page at a time.
//
// A branch that has too little work so far to be remembered is walked twice: the first pass keeps
// only where each page ended, the second hands the same headers to the chain.
type session struct {
	id       uint64
	asking   bool      // the peer has the question; else the chain has the page
	deadline time.Time // for the peer's answer
	parked   bool      // between two pages of a first pass that goes slowly: it counts for nothing
	resume   time.Time // when to ask on then
	after    core.Hash // what was asked to be continued; zero is our own chain

	fork    core.Hash // the known block that the last page, or the branch of the first pass, builds on
	probing bool      // in the first pass
	proof   proof     // what it showed, for the second pass
	walked  int       // headers in it
	reached Claim     // the last one of them
	enough  bool      // the chain would take them
	cut     bool      // the chain takes all of the branch only if it has more work than ours
}

type (
	// headersReply is a peer's answer. The locator is the one of the question: after, if any, and our
	// best header chain's.
	headersReply struct {
		session uint64
		locator []core.Hash
		headers []core.Header
		err     error
	}
	// headersTaken is what the chain said to takeHeaders: taken of them are known now, the last of
	// which is at end.
	headersTaken struct {
		session uint64
		sent    int
		taken   int
		end     Claim
		err     error
	}
	// headersProbed is what the chain said to probeHeaders.
	headersProbed struct {
		session uint64
		sent    int
		end     Claim
		enough  bool
		err     error
	}
)

type (
	// askHeaders asks a peer for the headers after a block, or, where it is zero or not on the peer's
	// chain any more, after the last block that our best header chain shares with it.
	askHeaders struct {
		peer    peer.ID
		session uint64
		after   core.Hash
		limit   int
	}
	// takeHeaders hands headers to the chain.
	takeHeaders struct {
		session uint64
		headers []core.Header
		proven  core.Work
	}
	// probeHeaders continues the first pass of a session, which begins on fork.
	probeHeaders struct {
		session uint64
		fork    core.Hash
		headers []core.Header
	}
	// closeSession ends a session: its question, if one is open, and what is kept of it.
	closeSession struct{ session uint64 }
)

func (askHeaders) isAction()   {}
func (takeHeaders) isAction()  {}
func (probeHeaders) isAction() {}
func (closeSession) isAction() {}

// startSessions asks peers that claim more than we have, those with the most first, and then those
// that were quiet for long.
func (p *plan) startSessions() {
	for p.sessions < p.limits.Sessions {
		var next *remote
		for _, r := range p.remotes {
			if r.session == nil && !r.held && !p.now.Before(r.nextHeaders) && p.worthAsking(r) && before(r, next) {
				next = r
			}
		}
		if next == nil {
			return
		}
		if p.claimsMore(next) {
			p.walkStarted = p.now
		}
		p.sessions++
		next.session = &session{id: p.newID(), proof: next.proof}
		next.proof = proof{}
		next.askedAt = p.now
		next.pollAt = p.now.Add(p.limits.Poll)
		p.askShunned(next)
		p.ask(next, next.session.proof.at)
	}
}

// worthAsking reports whether a peer should be asked now. While one session brings headers, the
// others that claim more wait: they would bring the same ones. They step in soon, since a peer that
// never answers may be the one that claims most.
func (p *plan) worthAsking(r *remote) bool {
	if p.claimsMore(r) {
		return p.sessions == 0 || !p.now.Before(p.walkStarted.Add(p.limits.Patience/4))
	}
	return !p.now.Before(r.pollAt)
}

// claimsMore reports whether a peer claims a tip that may be better than our best header and that
// was not followed yet.
func (p *plan) claimsMore(r *remote) bool {
	return r.claim.Tip != p.best.Tip && r.claim.Tip != p.tip.Tip && r.claim.Tip != r.checked &&
		r.claim.Work.Cmp(p.known()) >= 0
}

// before reports whether a is to be asked before b: the one that has disappointed less, then the one
// that has not been asked for longer, so that big claims do not crowd out the others, then the one
// that claims more.
func before(a, b *remote) bool {
	if b == nil {
		return true
	}
	if x, y := a.lies+a.early+a.strikes, b.lies+b.early+b.strikes; x != y {
		return x < y
	}
	if !a.askedAt.Equal(b.askedAt) {
		return a.askedAt.Before(b.askedAt)
	}
	return a.claim.Work.Cmp(b.claim.Work) > 0
}

func (p *plan) ask(r *remote, after core.Hash) {
	s := r.session
	s.asking, s.after = true, after
	s.deadline = p.now.Add(2 * p.patience(r))
	if r.strikes > 0 {
		s.deadline = p.now.Add(max(2*p.patience(r), stallTime))
	}
	p.do(askHeaders{r.id, s.id, after, p.limits.HeadersPage})
}

// endSession forgets a peer's session.
func (p *plan) endSession(r *remote) {
	p.do(closeSession{r.session.id})
	if !r.session.parked {
		p.sessions--
	}
	r.session = nil
}

// retry ends a session without a result: the peer is asked again later.
func (p *plan) retry(r *remote, after time.Duration) {
	p.endSession(r)
	r.nextHeaders = p.now.Add(after)
}

// expireSessions gives up on peers that do not answer.
func (p *plan) expireSessions() {
	for _, r := range slices.Clone(p.remotes) {
		if r.session == nil || !r.session.asking || p.now.Before(r.session.deadline) {
			continue
		}
		p.strike(r)
		if p.byID[r.id] == nil {
			continue
		}
		p.retry(r, 0)
	}
}

// sessionOf returns the peer whose session this is; nil where it is over.
func (p *plan) sessionOf(id uint64) *remote {
	for _, r := range p.remotes {
		if r.session != nil && r.session.id == id {
			return r
		}
	}
	return nil
}

func (e headersReply) apply(p *plan) {
	r := p.sessionOf(e.session)
	if r == nil {
		return
	}
	s := r.session
	s.asking = false
	switch {
	case e.err != nil && consensus.ClassOf(e.err) == consensus.Broken:
		p.accuse(r, e.err)
	case p.stalled(r, e.err):
	case e.err != nil: // a broken line says nothing about the peer, but do not hammer it
		p.retry(r, p.patience(r))
	case len(e.headers) == 0 && len(s.proof.marks) > 0 && s.probing:
		p.walkOn(r, true)
	case len(e.headers) == 0:
		p.branchEnds(r, p.tip)
	case !slices.Contains(e.locator, e.headers[0].PreviousHash):
		p.accuse(r, fmt.Errorf("headers that follow none of the locator: %w", ErrOffTopic))
	case s.after != (core.Hash{}) && s.after != e.headers[0].PreviousHash: // a reorg over there
		p.retry(r, p.patience(r))
	case s.probing:
		p.do(probeHeaders{s.id, s.fork, e.headers})
	case len(s.proof.marks) > 0:
		p.secondPass(r, e.headers)
	default:
		s.fork = e.headers[0].PreviousHash
		p.do(takeHeaders{s.id, e.headers, core.Work{}})
	}
}

func (e headersTaken) apply(p *plan) {
	r := p.sessionOf(e.session)
	if r == nil {
		return
	}
	s := r.session
	if e.taken > 0 {
		r.shown = e.end.Tip
		r.claims(e.end, false)
		s.proof.pass(e.end)
	}
	switch {
	case e.err == nil && e.taken < e.sent:
		p.cutOff(r, e.end)
	case e.err == nil && p.sessions > 1 && s.proof.none() && e.end.Work.Cmp(p.known()) <= 0:
		p.delivered(r)
		p.retry(r, p.patience(r)) // another session was here before
	case e.err == nil:
		p.delivered(r)
		p.walkStarted = p.now
		p.goOn(r, e.sent, e.end)
	case errors.Is(e.err, chain.ErrLowWork) && !s.proof.none():
		p.retry(r, p.limits.Poll) // our own chain grew meanwhile
	case errors.Is(e.err, chain.ErrLowWork):
		p.firstPass(r)
	default:
		p.refused(r, e.err)
	}
}

// goOn asks for the next page, or ends the session at the end of the branch.
func (p *plan) goOn(r *remote, sent int, end Claim) {
	s := r.session
	if len(s.proof.marks) == 0 && !s.proof.none() {
		s.proof = proof{} // the second pass is through: what follows stands on its own
		p.ask(r, end.Tip)
		return
	}
	if len(s.proof.marks) > 0 || sent >= p.limits.HeadersPage {
		p.ask(r, end.Tip)
		return
	}
	p.branchEnds(r, end)
}

// branchEnds compares what a peer claimed with what its headers showed.
func (p *plan) branchEnds(r *remote, end Claim) {
	fell := r.claim.Work.Cmp(end.Work) > 0 && r.claim.Work.Cmp(p.known()) > 0
	p.endSession(r)
	if fell && r.heard && r.early < maxEarly {
		r.nextHeaders = p.now.Add(minLackPause << r.early)
		r.early++
		return
	}
	if fell && !r.heard {
		p.lied(r)
		return
	}
	r.checked = r.claim.Tip
	if !fell {
		r.lies, r.early = 0, 0
		return
	}
	r.claim, r.heard, r.early = end, false, 0
	r.nextHeaders = p.now.Add(p.patience(r))
}

const (
	maxLies = 3
	// A header is forwarded before its block is connected, and only connected ones are given away:
	// so a peer is asked again for what it announced, after 100 ms, 200 ms, … 13 s in all.
	maxEarly = 7
)

// refused ends a session by what the chain said about its headers.
func (p *plan) refused(r *remote, err error) {
	switch consensus.ClassOf(err) {
	case consensus.Broken:
		p.accuse(r, err)
	case consensus.Undecided: // a time in the future, or a parent that was forgotten meanwhile
		p.retry(r, p.limits.Poll)
	default:
		p.retry(r, ownFaultPause)
	}
}

// ownFaultPause is how long to wait after our own disk or memory failed.
const ownFaultPause = 5 * time.Second
