package syncer

import (
	"slices"
	"time"

	"p2pchain/core"
)

// expireRequests looks for peers that hold us up.
func (p *plan) expireRequests() {
	for _, r := range slices.Clone(p.remotes) {
		if r.inFlight > 0 && !p.now.Before(r.progress.Add(p.patience(r))) {
			for _, q := range r.requests {
				p.release(q)
			}
			r.progress = p.now
			p.strike(r)
		}
	}
	p.expireHead()
}

// expireHead frees us from a peer that delivers, but so slowly that the others have nothing left to
// do: the window cannot move before its first block came.
func (p *plan) expireHead() {
	if len(p.window.slots) == 0 {
		return
	}
	head := p.window.slots[0]
	if head.owner == nil || p.now.Before(p.headDeadline()) {
		return
	}
	if free := p.window.free(); len(free) > 0 && p.room(free[0]) > 0 {
		return
	}
	r := head.owner.remote
	idle := slices.ContainsFunc(p.remotes, func(o *remote) bool {
		return o != r && o.inFlight == 0 && o.strikes == 0 && p.eligible(o, head)
	})
	if !idle {
		return
	}
	p.abandon(r)
	r.holdups++
	r.quick = 0
	r.lacksFrom, r.lacksUntil = 0, p.now.Add(p.patience(r))
	if r.holdups >= maxHoldups {
		p.accuse(r, ErrStalled)
	}
}

// headDeadline is when the first block of the window, which somebody was asked for, holds us up.
func (p *plan) headDeadline() time.Time {
	head := p.window.slots[0]
	return head.since.Add(2 * p.patience(head.owner.remote))
}

const (
	maxHoldups = 3
	// maxStrikes ends a peer that never answers even if nobody else does: 126 s with the default
	// patience.
	maxStrikes = 6
)

// strike notes that a peer stalled. The second time in a row is punished if it is the only one.
func (p *plan) strike(r *remote) {
	r.strikes++
	r.slowness++
	r.quick = 0
	others := slices.ContainsFunc(p.remotes, func(o *remote) bool {
		return o != r && o.strikes == 0 && o.deliveredAt.Add(p.patience(o)).After(p.now)
	})
	if r.strikes >= maxStrikes || r.strikes >= 2 && others {
		p.accuse(r, ErrStalled)
	}
}

// delivered notes validated progress of a peer.
func (p *plan) delivered(r *remote) {
	if r.strikes == 0 && p.now.Sub(r.progress) < p.patience(r)/4 {
		r.slowness = max(0, r.slowness-1)
	}
	r.strikes, r.lacking, r.parts, r.progress, r.deliveredAt = 0, 0, 0, p.now, p.now
}

const (
	// A branch whose next block nobody has is set aside after asideAfter, or, if somebody may have it
	// but does not bring it, after asideAtLast.
	asideAfter  = 30 * time.Second
	asideAtLast = 2 * time.Minute
	// The last few blocks for which this was done are asked for again until the chain forgets it.
	maxShunned = 4
	shunTime   = 10 * time.Minute
)

// A vigil is how long the first block of the window has been missing.
type vigil struct {
	hash  core.Hash
	since time.Time
}

// watchHead takes care that a branch whose blocks nobody gives away does not keep us from the others:
// headers are shown easily. Whoever showed them and says that it has not got the blocks, lied.
func (p *plan) watchHead() {
	if len(p.window.slots) == 0 {
		p.head = vigil{}
		return
	}
	head := p.window.slots[0]
	if head.hash != p.head.hash || len(p.remotes) == 0 {
		p.head = vigil{head.hash, p.now}
	}
	if head.got.block != nil {
		return
	}
	waited := p.now.Sub(p.head.since)
	lost := waited >= unbackedAfter && len(head.bare) == 0 && p.unbacked(head)
	if !lost && (waited < asideAfter || waited < asideAtLast && p.obtainable(head) || !p.outside(head)) {
		return
	}
	if len(head.bare) > 0 && !head.refused {
		head.anyhow = true
		return
	}
	p.head.since = p.now
	p.do(setAside{head.hash})
	head.since = p.now
	p.shunned = append(p.shunned[max(0, len(p.shunned)-maxShunned+1):], head)
	for _, r := range slices.Clone(p.remotes) {
		r.held, r.proof = false, proof{}
		if r.denied(head) && p.vouches(r, head) && slices.Contains(head.denials, r.id) {
			p.accuse(r, ErrFalseClaim)
		}
		r.lacking, r.lacksUntil = 0, time.Time{} // it may have what comes next
	}
}

// outside reports whether anybody who has no less work than we is without a block of the window: else
// there is nothing to turn to instead.
func (p *plan) outside(s *slot) bool {
	return slices.ContainsFunc(p.remotes, func(r *remote) bool {
		return r.claim.Work.Cmp(p.tip.Work) >= 0 && (r.claim.Height < s.height || r.denied(s) || slices.Contains(s.bare, r.id))
	})
}

// askShunned asks a peer that said hello, or is asked for headers, for the blocks that nobody had: with
// one of them its branch counts again.
func (p *plan) askShunned(r *remote) {
	p.shunned = slices.DeleteFunc(p.shunned, func(s *slot) bool { return p.now.Sub(s.since) > shunTime })
	if r.claim.Work.Cmp(p.known()) < 0 || r.inFlight > 0 || len(p.requests) >= p.limits.Streams {
		return
	}
	var wanted []*slot
	for _, s := range p.shunned {
		if s.height <= r.claim.Height && p.window.index[s.hash] == nil {
			wanted = append(wanted, &slot{hash: s.hash, height: s.height})
		}
	}
	if len(wanted) > 0 {
		p.request(r, wanted)
	}
}

// obtainable reports whether any peer may yet bring a block, whole.
func (p *plan) obtainable(s *slot) bool {
	return slices.ContainsFunc(p.remotes, func(r *remote) bool {
		return s.height <= r.claim.Height && r.strikes < 2 && !r.denied(s) && !slices.Contains(s.bare, r.id)
	})
}

// lacks notes that a peer has neither a block nor what follows it.
func (p *plan) lacks(r *remote, s *slot) {
	if p.now.Before(r.lacksUntil) { // it says so in answer to questions that were under way together
		r.lacksFrom = min(r.lacksFrom, s.height)
		return
	}
	pause := min(minLackPause<<min(r.lacking, 16), maxLackPause)
	r.lacksFrom, r.lacksUntil = s.height, p.now.Add(pause)
	r.lacking++
}

// denied reports whether a peer said that it has not got a block, and brought nothing since.
func (r *remote) denied(s *slot) bool { return r.lacking > 0 && r.lacksFrom <= s.height }
