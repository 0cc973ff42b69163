package syncer

import (
	"math"
	"time"
)

// A State says in one word what a Syncer is doing.
type State string

// The states of a Syncer.
const (
	Alone    State = "alone"   // no peers
	Headers  State = "headers" // a peer claims more than our best header
	Fetching State = "blocks"  // blocks of the best header chain are missing
	Synced   State = "synced"  // nobody claims more than we have
)

// Status is a snapshot of a sync. Heights are those of last blocks.
type Status struct {
	State      State   `json:"state"`
	Height     uint64  `json:"height"`      // of our tip
	BestHeader uint64  `json:"best_header"` // of the best valid header
	Target     uint64  `json:"target"`      // the highest that a peer with more work claims, unproven
	Peers      int     `json:"peers"`
	Rate       float64 `json:"rate"` // connected blocks per second over the last ten seconds or so
}

// Status returns how far the sync is.
func (s *Syncer) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// report refreshes the status and logs a change of state.
func (r *run) report(now time.Time) {
	st := r.plan.status()
	st.Rate = r.meter.rate(now)
	r.mu.Lock()
	old := r.status
	r.status = st
	r.mu.Unlock()
	if old.State != st.State {
		r.cfg.Log.Info("sync", "state", st.State, "height", st.Height, "target", st.Target, "peers", st.Peers)
	}
}

// status describes the plan's view.
func (p *plan) status() Status {
	st := Status{Height: p.tip.Height, BestHeader: p.best.Height, Target: p.best.Height, Peers: len(p.remotes)}
	ahead := false
	for _, r := range p.remotes {
		if r.claim.Work.Cmp(p.best.Work) > 0 && r.claim.Tip != r.checked {
			ahead = true
			st.Target = max(st.Target, r.claim.Height)
		}
	}
	switch {
	case len(p.remotes) == 0:
		st.State = Alone
	case len(p.window.slots) > 0:
		st.State = Fetching
	case ahead:
		st.State = Headers
	default:
		st.State = Synced
	}
	return st
}

// meterSpan is the time over which a meter averages.
const meterSpan = 10 * time.Second

// A meter measures a rate as an exponentially weighted average.
type meter struct {
	last  time.Time
	value float64 // per second, at last
}

func (m *meter) add(now time.Time, n int) {
	m.value = m.rate(now) + float64(n)/meterSpan.Seconds()
	m.last = now
}

func (m *meter) rate(now time.Time) float64 {
	return m.value * math.Exp(-now.Sub(m.last).Seconds()/meterSpan.Seconds())
}
