package api_test

import (
	"errors"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// AddNoted is all or nothing for want of room, and keeps the note if anything was stored or known.
func (p *fakePool) AddNoted(msgs []*core.Message, from mempool.Origin, note mempool.Note) []error {
	p.mu.Lock()
	full := false
	for i, m := range msgs {
		full = full || p.refuse != nil && errors.Is(p.refuse(len(p.waiting)+i, m), mempool.ErrFull)
	}
	p.mu.Unlock()
	if full {
		errs := make([]error, len(msgs))
		for i := range errs {
			errs[i] = mempool.ErrFull
		}
		return errs
	}
	errs, any := p.Add(msgs, from), false
	for i, m := range msgs {
		r := mempool.NotedResult{ID: m.ID, Result: mempool.Refused}
		switch {
		case errs[i] == nil:
			r.Result, any = mempool.Accepted, true
		case errors.Is(errs[i], mempool.ErrKnown):
			r.Result, any = mempool.AlreadyWaiting, true
		}
		note.Messages = append(note.Messages, r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if any {
		p.notes = append(p.notes, note)
	}
	return errs
}

func (p *fakePool) Note(key core.Hash, first int) (mempool.Note, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range p.notes {
		if n.Key == key && n.First == first {
			return n, nil
		}
	}
	return mempool.Note{}, chain.ErrNotFound
}
