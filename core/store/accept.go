package store

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// Accept implements mempool.Store. A message that waits already for somebody else, and is local now,
// becomes one that this node answers for. ErrDiskFull means that nothing changed.
func (s *Store) Accept(msgs []*core.Message, local bool, nowMS uint64) ([]mempool.AcceptResult, error) {
	return s.acceptAll(msgs, &acceptance{local: local, nowMS: nowMS})
}

// AcceptOwn implements mempool.Store.
func (s *Store) AcceptOwn(msgs []*core.Message, nowMS uint64, own mempool.Own) ([]mempool.AcceptResult, error) {
	return s.acceptAll(msgs, &acceptance{local: true, nowMS: nowMS, own: own})
}

// An acceptance is what is known about messages that are to be accepted.
type acceptance struct {
	local bool
	nowMS uint64
	own   mempool.Own
}

func (s *Store) acceptAll(msgs []*core.Message, a *acceptance) ([]mempool.AcceptResult, error) {
	s.writing.Lock()
	results, t, err := s.accept(msgs, a)
	s.writing.Unlock()
	if err == nil {
		err = s.wait(t)
	}
	if s.seen(err) != nil {
		return nil, fmt.Errorf("accepting %d messages: %w", len(msgs), err)
	}
	return results, nil
}

func (s *Store) accept(msgs []*core.Message, a *acceptance) ([]mempool.AcceptResult, ticket, error) {
	if err := s.growable(); err != nil {
		return nil, ticket{}, err
	}
	w := s.newWrite(s.db.NewBatch(), reader{s.db})
	results, err := w.acceptEach(msgs, a)
	if err != nil {
		return nil, ticket{}, errors.Join(err, w.batch.Close())
	}
	for _, note := range a.own.Notes {
		w.putNote(note, a.nowMS)
	}
	t, err := s.finishAccept(w)
	return results, t, err
}

// acceptEach adds messages to the waiting ones, and tells the notes what became of each.
func (w *write) acceptEach(msgs []*core.Message, a *acceptance) ([]mempool.AcceptResult, error) {
	results := make([]mempool.AcceptResult, len(msgs))
	if a.own.Made { // all are new, which is what the zero result says
		for _, m := range msgs {
			w.acceptNew(m, a)
		}
		return results, nil
	}
	if err := w.answerClaims(idsOf(msgs)...); err != nil {
		return nil, err
	}
	seen := make(map[core.Hash]mempool.AcceptResult) // the batch cannot be read back
	for i, m := range msgs {
		result, again := seen[m.ID]
		if again && result == mempool.Accepted {
			result = mempool.AlreadyWaiting
		}
		if !again {
			var err error
			if result, err = w.accept(m, a); err != nil {
				return nil, fmt.Errorf("message %v: %w", m.ID, err)
			}
			seen[m.ID] = result
		}
		results[i] = result
	}
	for _, note := range a.own.Notes {
		for i := range note.Messages {
			if r := &note.Messages[i]; r.Result != mempool.Refused {
				r.Result = seen[r.ID]
			}
		}
	}
	return results, nil
}

// finishAccept writes what was accepted. Where nothing was, the caller still waits for the messages
// that were known: those may be on their way to the disk for somebody else.
func (s *Store) finishAccept(w *write) (ticket, error) {
	if w.batch.Empty() {
		if s.synced.Load() == s.applied {
			return ticket{}, w.batch.Close()
		}
		w.keep(w.batch.LogData(nil, nil))
	}
	if w.nextSeq != s.nextSeq {
		w.set([]byte{prefixSequence}, encodeNumber(w.nextSeq))
	}
	return s.finish(w)
}

// acceptNew adds a message that nobody knows.
func (w *write) acceptNew(m *core.Message, a *acceptance) {
	var flags byte
	if a.local {
		flags = flagLocal
	}
	w.putIndex(m.ID, w.putMessage(m, w.nextSlot, flags, a.nowMS))
	w.putWaiting(mempool.Waiting{ID: m.ID, Size: m.Size(), Local: a.local, AcceptedMS: a.nowMS})
}

// accept adds one message to the waiting ones, unless it waits or is sealed.
func (w *write) accept(m *core.Message, a *acceptance) (mempool.AcceptResult, error) {
	if refused, err := w.refusedHere(m.ID); err != nil || refused {
		return mempool.AlreadySealed, err
	}
	x, err := w.index(m.ID)
	if errors.Is(err, chain.ErrNotFound) {
		w.acceptNew(m, a)
		return mempool.Accepted, nil
	}
	if err != nil {
		return 0, err
	}
	result, at, err := w.standing(m.ID)
	if err != nil || result == mempool.AlreadySealed {
		return result, err
	}
	before := x.flags
	if err := w.adopt(m, &x, a.local); err != nil {
		return 0, err
	}
	if x.flags != before {
		w.putIndex(m.ID, &x)
	}
	if result == mempool.AlreadyWaiting {
		return result, w.answerFor(at, a.local)
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return 0, missing(err, "record")
	}
	entry := waitingOf(m.ID, rec)
	entry.Local = entry.Local || a.local
	w.putWaiting(entry)
	return result, nil
}

// adopt fills in what a known message lacked. The caller puts the index entry, which may change.
func (w *write) adopt(m *core.Message, x *index, local bool) error {
	lacks := x.flags&flagNoBody != 0 && m.Body != nil
	if !lacks && !local {
		return nil
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return missing(err, "record")
	}
	if rec.flags&flagLocal != 0 == local && !lacks {
		return nil
	}
	if local {
		rec.flags |= flagLocal
	}
	if lacks {
		w.putBody(m, x, rec)
		return w.closeGaps(m.ID, x)
	}
	w.set(numberKey(prefixRecord, x.slot), rec.encode())
	return nil
}

// answerFor marks a waiting message as local.
func (w *write) answerFor(at waitingPointer, local bool) error {
	if !local {
		return nil
	}
	entry, err := w.waiting(at.seq)
	if err != nil {
		return missing(err, "waiting message %d", at.seq)
	}
	if !entry.Local {
		entry.Local = true
		w.set(numberKey(prefixWaiting, at.seq), encodeWaiting(entry))
	}
	return nil
}
