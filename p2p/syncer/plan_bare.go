package syncer

import "slices"

const (
	// settledDepth is how many blocks on top make a chain take a block without some of its bodies.
	settledDepth = 6
	// maxBare is how many peers are asked for a settled block with all its bodies, one after the other.
	// If each of them says that it has them all, and none gives them, they were most likely erased; if
	// not, they can be asked for later by themselves.
	maxBare = 4
)

// takesBare notes that a peer gave a block of the window without some of its bodies. It reports whether
// the block is taken as it is, since nobody else is worth asking.
func (p *plan) takesBare(s *slot, r *remote) bool {
	if s.anyhow {
		return true
	}
	s.owner, s.bare = nil, append(s.bare, r.id)
	s.anyhow = p.settled(s.height) && !s.refused && (len(s.bare) >= maxBare || !p.anyFull(s))
	return s.anyhow
}

// settled reports whether a block at a height is deep enough below the best header for the chain to take it without
// its bodies. A chain takes some others, too, but only this can be seen from here.
func (p *plan) settled(height uint64) bool { return p.best.Height >= height+settledDepth }

// full reports whether a peer says that it lacks no body of a block, but for erased ones.
func (r *remote) full(s *slot) bool { return r.lowestFull <= s.height }

// anyFull reports whether a peer that may be asked says that it lacks no body of a block, and did not give
// the block without one.
func (p *plan) anyFull(s *slot) bool {
	return slices.ContainsFunc(p.remotes, func(r *remote) bool {
		return r.full(s) && r.strikes == 0 && p.eligible(r, s)
	})
}

// bareAtLast reports whether a block that came without some of its bodies is to be asked for once more,
// and taken as it is: nobody who may have them all is left.
func (p *plan) bareAtLast(s *slot) bool {
	if len(s.bare) == 0 {
		return false
	}
	if p.settled(s.height) && !s.refused && !p.anyFull(s) {
		return true
	}
	return !p.now.Before(p.bareSince.Add(asideAfter)) && !p.obtainable(s)
}
