package bootstrap

import (
	"errors"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// A seedState is what the plan knows about one seed.
type seedState struct {
	seed     Seed
	ids      []peer.ID // the peers it stood for when it was last resolved
	failures uint32    // in a row; not reset before a connection was stable
	err      error     // of the last try, or why the last connection ended
	tried    time.Time // when the last try started
	up       time.Time // since when one of its peers is connected
	next     time.Time // not to be tried before
	busy     bool
	rests    bool // its peer is an introducer that is not needed now
	told     seedTold
}

// seedTold is what the log says about a seed; it is written to when this changes.
type seedTold uint8

const (
	toldNothing seedTold = iota
	toldUp
	toldDown
)

// A seedChange is one line for the log.
type seedChange struct {
	seed string
	up   bool
	err  error
}

func newSeedState(s Seed) *seedState {
	st := &seedState{seed: s}
	if s.peer.ID != "" {
		st.ids = []peer.ID{s.peer.ID}
	}
	return st
}

func (s *seedState) waiting() bool { return !s.busy && s.up.IsZero() }

// seedDone takes the result of a try: the peers that the seed stands for, if it could be resolved, and
// which of them is connected now. A success has to be followed by observe.
func (p *plan) seedDone(s *seedState, infos []peer.AddrInfo, connected peer.ID, err error, now time.Time) {
	s.busy = false
	if len(infos) > 0 {
		s.ids = s.ids[:0]
	}
	for _, info := range infos {
		s.ids = append(s.ids, info.ID)
		// The others of a list are worth knowing too.
		if len(infos) > 1 && info.ID != connected {
			p.offer(info, false, now)
		}
	}
	if err != nil {
		p.seedFailed(s, err, now)
		return
	}
	c := p.contacts[connected]
	if c == nil {
		c = &contact{entry: Entry{ID: connected}}
		p.contacts[connected] = c
	}
	c.rise(now)
	s.err = nil
}

// offer adds a peer that a seed's list named, or that others told of.
func (p *plan) offer(info peer.AddrInfo, hearsay bool, now time.Time) {
	if info.ID == p.self || p.contacts[info.ID] != nil || !p.makeRoom(hearsay) {
		return
	}
	p.contacts[info.ID] = &contact{entry: Entry{ID: info.ID, Addrs: info.Addrs}, hearsay: hearsay, heard: now, next: now}
}

func (p *plan) seedFailed(s *seedState, err error, now time.Time) {
	s.err, s.rests = err, false
	s.failures = min(s.failures, 1<<20) + 1
	s.next = now.Add(p.delay(s.failures, p.cfg.RetryMax))
	if p.enough() || errors.Is(err, errSelf) {
		s.next = now.Add(p.jitter(p.cfg.RetryMax))
	}
	p.tell(s, toldDown)
}

// observeSeed compares a seed with the contacts after these were brought up to date.
func (p *plan) observeSeed(s *seedState, now time.Time) {
	connected := slices.ContainsFunc(s.ids, func(id peer.ID) bool {
		c := p.contacts[id]
		return c != nil && !c.up.IsZero()
	})
	switch {
	case connected && s.up.IsZero():
		s.up, s.err, s.rests = now, nil, false
		p.tell(s, toldUp)
	case !connected && s.rests:
		p.observeResting(s, now)
	case !connected && !s.up.IsZero():
		lasted := now.Sub(s.up)
		s.up = time.Time{}
		if lasted >= stableAfter {
			s.failures = 0
			p.seedFailed(s, errEnded, now)
			return
		}
		p.seedFailed(s, endedAfter(lasted), now)
	case !connected && !s.busy && s.err == nil && !s.tried.IsZero():
		// The try succeeded, and the connection ended before anybody looked.
		p.seedFailed(s, endedAfter(0), now)
	}
}

// observeResting is observeSeed for one whose peer was let go since it only introduces others: it is
// visited again from time to time, and soon where peers are few.
func (p *plan) observeResting(s *seedState, now time.Time) {
	if !s.up.IsZero() {
		s.up, s.err, s.failures = time.Time{}, nil, 0
		s.next = now.Add(p.jitter(visitEvery))
	}
	switch {
	case p.peers == 0:
		s.next = earliest(s.next, now.Add(p.cfg.RetryMin))
	case !p.enough():
		s.next = earliest(s.next, now.Add(p.cfg.RetryMax/4))
	}
}

// tell logs a change of a seed. Seeds that are addresses of one peer share one line: the peer is
// connected with the first of them, and unreachable with the last.
func (p *plan) tell(s *seedState, state seedTold) {
	if s.told == state {
		return
	}
	s.told = state
	for _, other := range p.seeds {
		if other == s || s.seed.peer.ID == "" || other.seed.peer.ID != s.seed.peer.ID {
			continue
		}
		if state == toldUp && other.told == toldUp || state == toldDown && other.told != toldDown {
			return
		}
	}
	p.changes = append(p.changes, seedChange{seed: s.seed.text, up: state == toldUp, err: s.err})
}

// takeChanges returns what has to be logged, once.
func (p *plan) takeChanges() []seedChange {
	c := p.changes
	p.changes = nil
	return c
}

// seedStatuses describes every seed, in the order of Config.Seeds.
func (p *plan) seedStatuses() []SeedStatus {
	all := make([]SeedStatus, 0, len(p.seeds))
	for _, s := range p.seeds {
		st := SeedStatus{Seed: s.seed.text, Connected: !s.up.IsZero(), Peers: slices.Clone(s.ids), LastTried: s.tried}
		if s.err != nil {
			st.LastError = s.err.Error()
		}
		if !st.Connected {
			st.Failures, st.NextTry = int(s.failures), s.next
		}
		all = append(all, st)
	}
	return all
}
