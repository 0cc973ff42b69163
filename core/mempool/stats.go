package mempool

import (
	"errors"
	"sync/atomic"

	"p2pchain/core/consensus"
)

// Counts say what became of messages that Add was given since the start. Every message is in one of them.
type Counts struct {
	Accepted uint64 // new, valid and durable
	Known    uint64 // waiting or sealed already
	Full     uint64 // refused for want of space
	Invalid  uint64 // refused by a rule
	Failed   uint64 // our own fault: the store did not take them
}

// Stats are the counts of messages of users of this node and of those of peers.
type Stats struct{ Local, Foreign Counts }

// Stats returns the counters. It never waits.
func (p *Pool) Stats() Stats { return Stats{p.local.snapshot(), p.foreign.snapshot()} }

// Counters are counts in the making.
type counters struct{ accepted, known, full, invalid, failed atomic.Uint64 }

func (c *counters) snapshot() Counts {
	return Counts{c.accepted.Load(), c.known.Load(), c.full.Load(), c.invalid.Load(), c.failed.Load()}
}

// count notes what an addition came to.
func (p *Pool) count(a *addition) {
	c := &p.foreign
	if a.from.local() {
		c = &p.local
	}
	for _, err := range a.errs {
		switch {
		case err == nil:
			c.accepted.Add(1)
		case errors.Is(err, ErrKnown):
			c.known.Add(1)
		case errors.Is(err, ErrFull):
			c.full.Add(1)
		case consensus.ClassOf(err) == consensus.Fault:
			c.failed.Add(1)
		default:
			c.invalid.Add(1)
		}
	}
}
