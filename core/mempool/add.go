package mempool

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// Add takes messages in. There is one error for each, in order: nil says that the message is valid,
// new, and durable; ErrKnown is harmless; ErrFull is a matter of space; errors of core/consensus say
// which rule it breaks, ErrBodyMissing that it came without its body; anything else is our own
// fault. Local messages that are known are durable, too, when Add returns.
//
// The messages are kept: nobody may change them afterwards. Add checks signatures on all processors
// and waits for the disk, where concurrent calls share an fsync.
func (p *Pool) Add(msgs []*core.Message, from Origin) []error {
	return p.add(&addition{pool: p, from: from, msgs: msgs, errs: make([]error, len(msgs))})
}

// AddNoted is Add for messages of our own users that come with a note. The note is durable exactly if
// any of the messages is accepted, or was known; Note finds it then. If there is no room for one of
// them, there is none for all: what a request did must not depend on when it is sent again.
func (p *Pool) AddNoted(msgs []*core.Message, from Origin, note Note) []error {
	return p.add(&addition{
		pool: p, from: from, msgs: msgs, errs: make([]error, len(msgs)),
		noted: []noted{{&note, 0, len(msgs)}},
	})
}

// Note returns what AddNoted stored under this key for the messages from this number on, if it still
// counts; chain.ErrNotFound.
func (p *Pool) Note(key core.Hash, first int) (Note, error) { return p.store.Note(key, first, p.now()) }

// now returns the time in Unix milliseconds.
func (p *Pool) now() uint64 { return uint64(max(0, p.cfg.Now().UnixMilli())) }

// add does an addition and counts what it came to.
func (p *Pool) add(a *addition) []error {
	a.do()
	p.count(a)
	return a.errs
}

// An addition is one call of Add on its way through the checks. A message with an error is out.
type addition struct {
	pool  *Pool
	from  Origin
	msgs  []*core.Message
	errs  []error
	noted []noted

	charged []*core.Message // have a share and count as inflight
	seen    memoryMark
}

// do takes the messages through all checks and to the disk.
func (a *addition) do() {
	twice := a.checkCheap()
	if a.from.Made && len(a.msgs) <= maxJoining {
		a.pool.joins.run(a)
	} else {
		a.run()
	}
	// What became of the first of two says nothing about the second, whose signature may be another.
	for _, i := range twice {
		a.errs[i] = nil
		again := &addition{pool: a.pool, from: Origin{Peer: a.from.Peer}, msgs: a.msgs[i : i+1], errs: a.errs[i : i+1]}
		again.do()
	}
}

// run does all that is left after checkCheap.
func (a *addition) run() {
	a.admit()
	if !a.from.Made {
		a.checkSignatures()
	}
	a.accept()
}

// A memoryMark says where a memory stood, to see whether its list was read on meanwhile.
type memoryMark struct {
	at   core.Hash
	edge uint64
}

// errTwice marks a message that stands in one call again.
var errTwice = errors.New("message stands twice in one call")

// checkCheap sorts out what needs no signature to be refused. It returns the places of messages that
// stand there again; they are out for now.
func (a *addition) checkCheap() (twice []int) {
	if len(a.msgs) == 1 {
		a.errs[0] = a.checkOne(a.msgs[0])
		return nil
	}
	seen := make(map[core.Hash]struct{}, len(a.msgs))
	for i, m := range a.msgs {
		if _, again := seen[m.ID]; again {
			a.errs[i] = errTwice
			twice = append(twice, i)
			continue
		}
		seen[m.ID] = struct{}{}
		a.errs[i] = a.checkOne(m)
	}
	return twice
}

func (a *addition) checkOne(m *core.Message) error {
	// A local message that waits may not be durable yet: Accept will see to that, and say ErrKnown.
	if !a.from.local() && a.pool.Known(m.ID) {
		return ErrKnown
	}
	if m.Body == nil {
		return consensus.ErrBodyMissing
	}
	return consensus.CheckMessage(a.pool.network, m)
}

// admit holds the messages to the limits and reserves their space.
func (a *addition) admit() {
	a.reserve()
	for i, m := range a.msgs {
		// A known message needs no space; whether one is known is asked only where it matters.
		if a.from.local() && errors.Is(a.errs[i], ErrFull) && !a.from.Made && a.pool.Known(m.ID) {
			a.errs[i] = nil
		}
	}
	for _, n := range a.noted {
		n.allOrNone(a.errs)
	}
}

func (a *addition) reserve() {
	p := a.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	_, waiting := p.store.WaitingTotals() // under mu: what is not inflight any more is in here
	p.shares.settle(waiting + p.inflight)
	a.seen = memoryMark{p.at, p.memory.edge}
	for i, m := range a.msgs {
		if a.errs[i] != nil {
			continue
		}
		if !p.hasRoom(m, a.from, waiting) {
			a.errs[i] = ErrFull
			continue
		}
		a.charged = append(a.charged, m)
		p.inflight += int64(m.Size())
		p.shares.charge(m, a.from, +1)
	}
}

// hasRoom applies the limits; the caller holds mu.
func (p *Pool) hasRoom(m *core.Message, from Origin, waiting int64) bool {
	if from.local() {
		return p.cfg.MaxBytes-waiting-p.inflight >= int64(m.Size())
	}
	free := p.cfg.foreignBytes() - waiting - p.inflight
	return p.shares.fits(m, from, free)
}

// checkSignatures judges all signatures at once, and one by one only where that fails.
func (a *addition) checkSignatures() {
	msgs, at := a.remaining()
	err := consensus.CheckSignatures(msgs)
	if bad, ok := errors.AsType[*consensus.MessageError](err); ok {
		for i := bad.Index; i < len(msgs); i++ {
			a.errs[at[i]] = consensus.CheckSignature(msgs[i])
		}
		msgs, _ = a.remaining()
	}
	a.pool.cfg.Verified.Add(msgs...)
}

// remaining returns the messages without an error and their positions.
func (a *addition) remaining() (msgs []*core.Message, at []int) {
	for i, m := range a.msgs {
		if a.errs[i] == nil {
			msgs, at = append(msgs, m), append(at, i)
		}
	}
	return msgs, at
}

// accept makes the rest durable and releases what was reserved.
func (a *addition) accept() {
	msgs, at := a.remaining()
	accepted := make(map[*core.Message]bool, len(msgs))
	if len(msgs) > 0 {
		results, err := a.store(msgs)
		for i := range msgs {
			switch {
			case err != nil:
				a.errs[at[i]] = fmt.Errorf("storing a message: %w", err)
			case results[i] == Accepted:
				accepted[msgs[i]] = true
			default:
				a.errs[at[i]] = ErrKnown
			}
		}
	}
	if a.from.Made {
		a.pool.cfg.Verified.Add(msgs...)
	}
	a.release(accepted)
	if len(accepted) > 0 {
		a.pool.pokes.poke()
	}
}

// store hands the messages over with what is known about them.
func (a *addition) store(msgs []*core.Message) ([]AcceptResult, error) {
	if !a.from.Made && len(a.noted) == 0 {
		return a.pool.store.Accept(msgs, a.from.local(), a.pool.now())
	}
	own := Own{Made: a.from.Made}
	for _, n := range a.noted {
		if n.fill(a.msgs, a.errs) {
			own.Notes = append(own.Notes, n.note)
		}
	}
	return a.pool.store.AcceptOwn(msgs, a.pool.now(), own)
}

// release ends the reservations. What was accepted stays in memory, unless the list of waiting
// messages was read on meanwhile: it may have been taken from there, and even be sealed already.
func (a *addition) release(accepted map[*core.Message]bool) {
	p := a.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	unread := a.seen == memoryMark{p.at, p.memory.edge}
	unsealed := a.seen.at == p.at // no block that was looked at can hold them
	for _, m := range a.charged {
		p.inflight -= int64(m.Size())
		if !accepted[m] {
			p.shares.charge(m, a.from, -1)
			continue
		}
		if unread {
			p.memory.keep(m)
		}
		if unsealed {
			p.leaves.add(m.Leaf(), false)
		}
	}
}
