package store

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	// settledDepth and settledAge say when a block is settled: see docs/formats.md (Rules) and chain.Settled. By
	// depth the store counts blocks of the best chain, not headers, which is never sooner.
	settledDepth = 6
	settledAgeMS = 3600_000
	// erasePage is how many messages are looked at under the lock at a time.
	erasePage = 256
)

// Erase marks messages as erased and drops the bodies of those that are settled: each is in a block of the
// best chain, waits for none, and all its blocks have six on top, or were first seen an hour before TimeMS;
// or it has no body anyway. The others keep their bodies, since a block needs them, until DropErased finds them settled. A body that
// was dropped is never taken again, wherever it comes from. What is marked already stays as it is, but
// that an author's wish takes the place of an operator's. It returns how many were not.
//
// The bytes are gone from the files only after Tidy. chain.ErrNotFound, for a message that is not stored,
// means that nothing changed.
func (s *Store) Erase(list ...chain.Erasure) (int, error) {
	n := 0
	for len(list) > 0 {
		page := list[:min(len(list), erasePage)]
		list = list[len(page):]
		fresh, err := s.forgetting(func(w *write) (int, error) { return w.eraseEach(page) })
		n += fresh
		if err != nil {
			return n, fmt.Errorf("erasing messages: %w", err)
		}
	}
	return n, nil
}

// forgetting makes one synced batch.
func (s *Store) forgetting(f func(*write) (int, error)) (int, error) {
	s.writing.Lock()
	n, t, err := s.forget(f)
	s.writing.Unlock()
	if s.seen(err) == nil {
		err = s.wait(t)
	}
	return n, err
}

// forget does not ask for free space: what it does makes room in the end.
func (s *Store) forget(f func(*write) (int, error)) (int, ticket, error) {
	if err := s.writable(); err != nil {
		return 0, ticket{}, err
	}
	w := s.newWrite(s.db.NewIndexedBatch(), reader{})
	n, err := f(w)
	if err == nil {
		w.putForgotten()
	}
	if err != nil || w.batch.Empty() {
		return 0, ticket{}, errors.Join(err, w.batch.Close())
	}
	t, err := s.finish(w)
	return n, t, err
}

func (w *write) eraseEach(list []chain.Erasure) (int, error) {
	fresh := 0
	for i := range list {
		is, err := w.erase(list[i])
		if err != nil {
			return 0, fmt.Errorf("message %v: %w", list[i].ID, err)
		}
		if is {
			fresh++
		}
	}
	return fresh, nil
}

// erase marks one message, unless it is marked.
func (w *write) erase(e chain.Erasure) (bool, error) {
	old, err := get(w.reader, hashKey(prefixErasure, e.ID), erasureOf(e.ID))
	if err == nil {
		w.wish(&old, &e)
		return false, nil
	}
	if !errors.Is(err, chain.ErrNotFound) {
		return false, err
	}
	x, err := w.index(e.ID)
	if err != nil {
		return false, err
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return false, missing(err, "record")
	}
	e.Author = rec.envelope.Author
	w.forgotten.epoch++
	e.Number, e.Settled = w.forgotten.erasures, false
	w.forgotten.erasures++
	w.set(numberKey(prefixErased, e.Number), encodeHash(e.ID))
	w.set(hashKey(prefixErasure, e.ID), encodeErasure(&e))
	w.set(hashKey(prefixErrand, e.ID), errand{stage: stageDue}.encode())
	w.errands++
	_, err = w.drop(&e, e.TimeMS)
	return true, err
}

// wish notes an author's wish on a message that the operator had erased.
func (w *write) wish(old, e *chain.Erasure) {
	if old.ByAuthor || !e.ByAuthor {
		return
	}
	old.ByAuthor, old.Message = true, e.Message
	w.forgotten.epoch++
	w.set(hashKey(prefixErasure, e.ID), encodeErasure(old))
}

// drop takes the body of a marked message out, if the message is settled.
func (w *write) drop(e *chain.Erasure, nowMS uint64) (bool, error) {
	x, err := w.index(e.ID)
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil // the last block that held it was forgotten; should it come back, it is marked
	}
	if err != nil {
		return false, err
	}
	if x.flags&flagNoBody == 0 { // else a block was connected without it, as its author wished
		if settled, err := w.settled(e.ID, &x, nowMS); err != nil || !settled {
			return false, err
		}
	}
	digest, err := w.dropBody(e.ID, &x)
	if err != nil {
		return false, err
	}
	if err := w.closeGaps(e.ID, &x); err != nil {
		return false, err
	}
	e.Settled = true
	w.forgotten.epoch++
	w.set(hashKey(prefixErasure, e.ID), encodeErasure(e))
	w.set(hashKey(prefixErrand, e.ID), errand{stageOf(digest), x.slot}.encode())
	return true, nil
}

func stageOf(digest bool) byte {
	if digest {
		return stageTidyDigest
	}
	return stageTidy
}

// dropBody takes the body out of a message's record, if it is there. It reports whether the message could
// be found by a digest.
func (w *write) dropBody(id core.Hash, x *index) (digest bool, err error) {
	if x.flags&flagNoBody != 0 {
		return false, nil
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return false, missing(err, "record")
	}
	_, digest = digestOf(&rec.envelope, rec.body)
	w.deleteDigest(x.slot, rec)
	rec.body = nil
	x.flags |= flagNoBody
	w.set(numberKey(prefixRecord, x.slot), rec.encode())
	w.putIndex(id, x)
	return digest, nil
}

// settled reports whether a message needs its body for no block any more.
func (w *write) settled(id core.Hash, x *index, nowMS uint64) (bool, error) {
	waits, err := w.has(hashKey(prefixWaitingID, id))
	if err != nil || waits {
		return false, err
	}
	sealed := false
	for _, at := range x.places {
		best, err := w.hashAt(at.Height)
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return false, err
		}
		onBest := err == nil && best == at.Block
		sealed = sealed || onBest
		if onBest && at.Height+settledDepth <= w.store.tip.height {
			continue
		}
		e, err := w.stored(at.Block)
		if err != nil {
			return false, missing(err, "block %v", at.Block)
		}
		if e.SeenMS+settledAgeMS > nowMS {
			return false, nil
		}
	}
	return sealed, nil
}

// DropErased drops the bodies of marked messages that are settled now, and returns how many.
func (s *Store) DropErased(nowMS uint64) (int, error) {
	total := 0
	for from := []byte{prefixErrand}; from != nil; {
		if s.errands.Load() == 0 {
			break
		}
		ids, next, err := s.due(from)
		if err != nil {
			return total, fmt.Errorf("looking for erased messages: %w", err)
		}
		from = next
		n, err := s.forgetting(func(w *write) (int, error) { return w.dropEach(ids, nowMS) })
		total += n
		if err != nil {
			return total, fmt.Errorf("dropping erased bodies: %w", err)
		}
	}
	return total, nil
}

// due returns messages whose bodies are to be dropped, and where to go on; nil at the end.
func (s *Store) due(from []byte) (ids []core.Hash, next []byte, err error) {
	err = s.read(func(r reader) error {
		return r.scan(from, []byte{prefixErrand + 1}, func(key, value []byte) error {
			id, ok := keyHash(key)
			e, err := decodeErrand(value)
			if err != nil || !ok {
				return errValue
			}
			if e.stage == stageDue {
				ids = append(ids, id)
			}
			if len(ids) == erasePage {
				next = append(hashKey(prefixErrand, id), 0)
				return errStop
			}
			return nil
		})
	})
	return ids, next, err
}

func (w *write) dropEach(ids []core.Hash, nowMS uint64) (int, error) {
	n := 0
	for _, id := range ids {
		e, err := get(w.reader, hashKey(prefixErasure, id), erasureOf(id))
		if err != nil {
			return 0, missing(err, "erasure of message %v", id)
		}
		if e.Settled {
			continue
		}
		dropped, err := w.drop(&e, nowMS)
		if err != nil {
			return 0, fmt.Errorf("message %v: %w", id, err)
		}
		if dropped {
			n++
		}
	}
	return n, nil
}

func erasureOf(id core.Hash) func([]byte) (chain.Erasure, error) {
	return func(value []byte) (chain.Erasure, error) { return decodeErasure(id, value) }
}

// Erased returns, for each of the messages, how it was erased, nil where it was not. The body of one that
// is not settled yet is still here, and not for anybody to see. It costs nothing where nothing was erased.
func (s *Store) Erased(ids ...core.Hash) ([]*chain.Erasure, error) {
	if s.erasures.Load() == 0 {
		return make([]*chain.Erasure, len(ids)), nil
	}
	return single(s, func(r reader) ([]*chain.Erasure, error) { return r.erasures(ids) })
}

func (r reader) erasures(ids []core.Hash) ([]*chain.Erasure, error) {
	out := make([]*chain.Erasure, len(ids))
	err := r.seekAll(prefixErasure, ids, func(i int, value []byte) error {
		e, err := decodeErasure(ids[i], value)
		out[i] = &e
		return err
	})
	for _, e := range out {
		if err != nil || e == nil || !e.Settled {
			continue
		}
		var left bool
		left, err = r.has(hashKey(prefixErrand, e.ID))
		e.Gone = !left
	}
	return out, err
}

// refusedHere is refuses, at no cost where nothing was erased.
func (w *write) refusedHere(id core.Hash) (bool, error) {
	if w.forgotten.erasures == 0 {
		return false, nil
	}
	return w.refuses(id)
}

// refuses reports whether the body of a message was dropped for good.
func (r reader) refuses(id core.Hash) (bool, error) {
	e, err := get(r, hashKey(prefixErasure, id), erasureOf(id))
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil
	}
	return e.Settled, err
}

// Refuses reports whether the body of a message was erased here for good: nobody need look for it. Where
// that cannot be read it is false.
func (s *Store) Refuses(m *core.Message) bool {
	if s.erasures.Load() == 0 {
		return false
	}
	refused, err := single(s, func(r reader) (bool, error) { return r.refuses(m.ID) })
	return err == nil && refused
}

// ErasuresBefore returns up to limit erasures with a number below before, newest first.
func (s *Store) ErasuresBefore(before uint64, limit int) ([]chain.Erasure, error) {
	return snapshot(s, func(r reader) ([]chain.Erasure, error) {
		var ids []core.Hash
		err := r.back(prefixErased, before, limit, func(_ uint64, value []byte) error {
			id, err := decodeHash(value)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return nil, err
		}
		found, err := r.erasures(ids)
		if err != nil {
			return nil, err
		}
		out := make([]chain.Erasure, 0, len(found))
		for i, e := range found {
			if e == nil {
				return nil, missing(chain.ErrNotFound, "erasure of message %v", ids[i])
			}
			out = append(out, *e)
		}
		return out, nil
	})
}

// Epoch is a number that rises whenever an answer about bodies changes without a new tip: after an
// erasure, after a body was found again, while old ones are pruned. It survives restarts.
func (s *Store) Epoch() uint64 { return s.epoch.Load() }

// Forgets reports which messages of a block at this height have, or are to have, no body here for good: those
// that were erased, and those that were pruned. Files beside the store follow it.
func (s *Store) Forgets(height uint64, ids []core.Hash) ([]bool, error) {
	out := make([]bool, len(ids))
	if s.epoch.Load() == 0 {
		return out, nil
	}
	return out, s.read(func(r reader) error {
		if s.erasures.Load() > 0 {
			found, err := r.erasures(ids)
			if err != nil {
				return err
			}
			for i, e := range found {
				out[i] = e != nil && e.Settled
			}
		}
		if height > s.pruned.Load() {
			return nil
		}
		known, err := r.indexes(ids)
		for i, x := range known {
			out[i] = out[i] || x != nil && x.flags&flagNoBody != 0
		}
		return err
	})
}
