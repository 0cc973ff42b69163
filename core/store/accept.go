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
	s.writing.Lock()
	results, t, err := s.accept(msgs, local, nowMS)
	s.writing.Unlock()
	if err != nil {
		return nil, fmt.Errorf("accepting %d messages: %w", len(msgs), err)
	}
	if err := s.wait(t); err != nil {
		return nil, fmt.Errorf("accepting %d messages: %w", len(msgs), err)
	}
	return results, nil
}

func (s *Store) accept(msgs []*core.Message, local bool, nowMS uint64) ([]mempool.AcceptResult, ticket, error) {
	if err := s.growable(); err != nil {
		return nil, ticket{}, err
	}
	w := s.newWrite(s.db.NewBatch(), reader{s.db})
	results := make([]mempool.AcceptResult, len(msgs))
	seen := make(map[core.Hash]mempool.AcceptResult) // the batch cannot be read back
	for i, m := range msgs {
		result, again := seen[m.ID]
		if again && result == mempool.Accepted {
			result = mempool.AlreadyWaiting
		}
		if !again {
			var err error
			if result, err = w.accept(m, local, nowMS); err != nil {
				return nil, ticket{}, errors.Join(fmt.Errorf("message %v: %w", m.ID, err), w.batch.Close())
			}
			seen[m.ID] = result
		}
		results[i] = result
	}
	t, err := s.finishAccept(w)
	return results, t, err
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

// accept adds one message to the waiting ones, unless it waits or is sealed.
func (w *write) accept(m *core.Message, local bool, nowMS uint64) (mempool.AcceptResult, error) {
	x, err := w.index(m.ID)
	if errors.Is(err, chain.ErrNotFound) {
		var flags byte
		if local {
			flags = flagLocal
		}
		w.putIndex(m.ID, w.putMessage(m, w.nextSlot, flags, nowMS))
		w.putWaiting(mempool.Waiting{ID: m.ID, Size: m.Size(), Local: local, AcceptedMS: nowMS})
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
	if err := w.adopt(m, &x, local); err != nil {
		return 0, err
	}
	if x.flags != before {
		w.putIndex(m.ID, &x)
	}
	if result == mempool.AlreadyWaiting {
		return result, w.answerFor(at, local)
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return 0, missing(err, "record")
	}
	entry := waitingOf(m.ID, rec)
	entry.Local = entry.Local || local
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
		rec.body = m.Body
		x.flags &^= flagNoBody
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
