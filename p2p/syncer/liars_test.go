package syncer

import "p2pchain/core"

// spam continues a branch of worthless headers.
func (s *sim) spam(from *simNode, locator []core.Hash, limit int) []core.Header {
	at := s.world.genesis
	if s.world.headers[locator[0]].Work.Cmp(core.NewWork(0, 100)) < 0 || locator[0] == from.spam {
		at = locator[0]
	}
	out := make([]core.Header, limit)
	for i := range out {
		at = s.world.mine(at, 1)
		out[i] = s.world.headers[at]
	}
	return out
}

// swap serves its chain once, and from then on a branch that has nothing to do with it.
func (s *sim) swap(from *simNode, locator []core.Hash, limit int) []core.Header {
	from.swaps++
	switch {
	case from.swaps <= 3: // the first page twice, and the second, with which the first pass ends
		return from.model.headersAfter(locator, limit)
	case from.swaps == 4:
		from.spam = locator[0]
		return s.spam(from, locator, limit)
	}
	return nil
}
