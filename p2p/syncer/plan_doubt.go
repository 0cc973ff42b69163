package syncer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"p2pchain/core"
)

const (
	// Work never goes down: what a peer said of its own chain stays true. So a peer whose headers ended
	// below it is asked again soon, and need not say it again.
	lieRetry = time.Second
	// Nor do blocks go away, and only headers of connected blocks are given away. A peer that gave the
	// header of a block, or said hello with a later one, and denies the block so often has never had it.
	maxDenials = 3
	// A branch that nobody stands by any more is set aside after this, if there is another one.
	unbackedAfter = time.Second
	// stallTime is more than an exchange waits for a frame. It can tell a stall from a slow line, and this
	// plan cannot.
	stallTime = 13 * time.Second
)

// stalled takes care of a peer of which an exchange says that it moves nothing at all.
func (p *plan) stalled(r *remote, err error) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	p.accuse(r, fmt.Errorf("%w: %w", ErrStalled, err))
	return true
}

// lied notes that a peer's headers end below what it says of its own chain.
func (p *plan) lied(r *remote) {
	r.lies++ // other data over there explains one or two
	if r.lies >= maxLies {
		p.accuse(r, ErrFalseClaim)
		return
	}
	r.nextHeaders = p.now.Add(lieRetry)
}

// denies notes that a peer says that it has not got a block. It reports whether that was one lie too
// many. Only what was asked after the peer had vouched for the block counts: before, it told the truth.
func (p *plan) denies(q *request, s *slot) bool {
	r := q.remote
	if s.height > q.vouched || !p.vouches(r, s) {
		return false
	}
	s.denials = append(s.denials, r.id)
	count := 0
	for _, id := range s.denials {
		if id == r.id {
			count++
		}
	}
	if count < maxDenials {
		return false
	}
	p.accuse(r, fmt.Errorf("block %v, which it said it has, is not there: %w", s.hash, ErrFalseClaim))
	return true
}

// vouches reports whether a peer said by its headers or its hello that it has a block of the window.
func (p *plan) vouches(r *remote, s *slot) bool {
	return p.reaches(r.shown, s) || !r.heard && p.reaches(r.claim.Tip, s)
}

// standsBy reports whether a peer vouches for a block and did not deny it since.
func (p *plan) standsBy(r *remote, s *slot) bool {
	return p.vouches(r, s) && !slices.Contains(s.denials, r.id)
}

// reaches reports whether a block is on the branch that we fetch, and not before a block of the window.
func (p *plan) reaches(hash core.Hash, s *slot) bool {
	if hash == (core.Hash{}) {
		return false
	}
	last := p.window.index[hash]
	return hash == p.best.Tip || last != nil && last.height >= s.height
}

// unbacked reports whether nobody stands by a block of the window, while somebody else says that it has
// blocks for us, and not that one. Who stalls and never gave a block does not count: what it still
// brings makes its branch count again.
func (p *plan) unbacked(s *slot) bool {
	backs := func(r *remote) bool {
		if r.denied(s) && !p.standsBy(r, s) || r.strikes > 0 && !r.gave {
			return false
		}
		return p.vouches(r, s) || p.reaches(r.claim.Tip, s) || r.claim.Work.Cmp(p.best.Work) > 0
	}
	other := func(r *remote) bool {
		return r.strikes == 0 && r.claim.Work.Cmp(p.tip.Work) > 0 && r.denied(s) && !p.vouches(r, s)
	}
	return !slices.ContainsFunc(p.remotes, backs) && slices.ContainsFunc(p.remotes, other)
}
