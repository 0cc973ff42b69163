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
	// Nor do blocks go away, and only headers of connected blocks are given away. A peer that showed the
	// header of a block and denies the block so often has never had it.
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
// many.
func (p *plan) denies(r *remote, s *slot) bool {
	if !p.showed(r, s) {
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
	p.accuse(r, fmt.Errorf("block %v, whose header it showed, is not there: %w", s.hash, ErrFalseClaim))
	return true
}

// showed reports whether a peer gave us headers of the branch that we fetch, up to a block or further.
func (p *plan) showed(r *remote, s *slot) bool {
	if r.shown == (core.Hash{}) {
		return false
	}
	last := p.window.index[r.shown]
	return r.shown == p.best.Tip || last != nil && last.height >= s.height
}

// unbacked reports whether nobody stands by a block of the window, as far as we can tell, while
// somebody else has blocks of another branch for us. Who stalls does not count: what it still brings
// makes its branch count again.
func (p *plan) unbacked(s *slot) bool {
	backs := func(r *remote) bool {
		if r.denied(s) || r.strikes > 0 {
			return false
		}
		return p.showed(r, s) || r.claim.Tip == p.best.Tip || p.window.index[r.claim.Tip] != nil ||
			r.claim.Work.Cmp(p.best.Work) > 0
	}
	other := func(r *remote) bool {
		return r.strikes == 0 && r.claim.Work.Cmp(p.tip.Work) > 0 && (r.claim.Height < s.height || !p.showed(r, s))
	}
	return !slices.ContainsFunc(p.remotes, backs) && slices.ContainsFunc(p.remotes, other)
}
