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
	State      State  `json:"state"`
	Height     uint64 `json:"height"`      // of our tip
	BestHeader uint64 `json:"best_header"` // of the best valid header
	Walked     uint64 `json:"walked"`      // how far a first pass over headers came; 0 where none is under way
	Target     uint64 `json:"target"`      // the highest that a peer with more work claims, unproven
	Peers      int    `json:"peers"`
	// What was connected per second, over the last ten seconds or so.
	Rate        float64 `json:"rate"` // blocks
	MessageRate float64 `json:"message_rate"`
	ByteRate    float64 `json:"byte_rate"`
}

// Status returns how far the sync is.
func (s *Syncer) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// fewBlocks is how far behind a node is for moments only, with every block that is announced.
const fewBlocks = 3

// report refreshes the status and logs a change of state that is worth a line.
func (r *run) report(now time.Time) {
	st := r.plan.status()
	fast := r.meter.rate(now)
	st.Rate, st.MessageRate, st.ByteRate = fast.blocks, fast.messages, fast.bytes
	r.mu.Lock()
	r.status = st
	r.mu.Unlock()
	rest := st.State == Alone || st.State == Synced
	if st.State != r.told && (rest || st.Target > st.Height+fewBlocks) {
		r.told = st.State
		r.cfg.Log.Info("sync", "state", st.State, "height", st.Height, "target", st.Target, "peers", st.Peers)
	}
}

// status describes the plan's view.
func (p *plan) status() Status {
	st := Status{Height: p.tip.Height, BestHeader: p.best.Height, Target: p.best.Height, Peers: len(p.remotes)}
	ahead := false
	for _, r := range p.remotes {
		if s := r.session; s != nil && s.probing {
			st.Walked = max(st.Walked, s.reached.Height)
		}
		if r.claim.Work.Cmp(p.best.Work) > 0 && r.claim.Tip != r.checked {
			ahead = true
			st.Target = max(st.Target, r.claim.Height)
		}
	}
	switch {
	case len(p.remotes) == 0:
		st.State = Alone
	case len(p.window.slots) > 0 || p.best.Height > p.tip.Height: // the window may be between two batches
		st.State = Fetching
	case ahead:
		st.State = Headers
	default:
		st.State = Synced
	}
	return st
}

const (
	meterSpan  = 10 * time.Second // over which a meter averages
	meterLeast = time.Second      // so that the first block of a sync makes no rate of its own
	meterIdle  = 5 * meterSpan    // after which a sync is another one
)

// An amount is how much was connected, or how much is connected per second.
type amount struct{ blocks, messages, bytes float64 }

// amountOf adds blocks up.
func amountOf(batch []arrival) amount {
	a := amount{blocks: float64(len(batch))}
	for i := range batch {
		a.messages += float64(len(batch[i].block.Messages))
		a.bytes += float64(batch[i].size)
	}
	return a
}

func (a amount) times(f float64) amount { return amount{a.blocks * f, a.messages * f, a.bytes * f} }

func (a amount) plus(b amount) amount {
	return amount{a.blocks + b.blocks, a.messages + b.messages, a.bytes + b.bytes}
}

// A meter measures rates as exponentially weighted averages. Of a sync that has just begun it averages
// over the time that there was.
type meter struct {
	begun time.Time
	last  time.Time
	value amount // per second, at last
}

func (m *meter) add(now time.Time, a amount) {
	if now.Sub(m.last) > meterIdle {
		*m = meter{begun: now}
	}
	m.value = m.decayed(now).plus(a.times(1 / meterSpan.Seconds()))
	m.last = now
}

func (m *meter) decayed(now time.Time) amount {
	return m.value.times(math.Exp(-now.Sub(m.last).Seconds() / meterSpan.Seconds()))
}

func (m *meter) rate(now time.Time) amount {
	age := max(now.Sub(m.begun), meterLeast)
	return m.decayed(now).times(1 / (1 - math.Exp(-age.Seconds()/meterSpan.Seconds())))
}
