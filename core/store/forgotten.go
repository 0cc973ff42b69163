package store

import (
	"errors"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// putForgotten writes down what was forgotten, if that changed.
func (w *write) putForgotten() {
	if w.forgotten != w.store.forgotten {
		w.rewriteForgotten()
	}
}

func (w *write) rewriteForgotten() { w.set([]byte{prefixForgotten}, w.forgotten.encode()) }

// countForgotten takes over what a written batch changed.
func (s *Store) countForgotten(w *write) {
	s.forgotten = w.forgotten
	s.shareForgotten()
	s.gaps.Add(int64(w.gaps))
	s.errands.Add(int64(w.errands))
	s.claims.Add(int64(w.claims))
	s.claimed.add(w.claimed)
}

// shareForgotten lets readers see what was forgotten.
func (s *Store) shareForgotten() {
	s.epoch.Store(s.forgotten.epoch)
	s.erasures.Store(s.forgotten.erasures)
	s.pruned.Store(s.forgotten.pruned)
	s.prunedBodies.Store(s.forgotten.bodies)
}

// loadForgotten reads what was forgotten, and counts what is left to do: a stored count could be wrong.
func (s *Store) loadForgotten() error {
	r := reader{s.db}
	f, err := get(r, []byte{prefixForgotten}, decodeForgotten)
	if errors.Is(err, chain.ErrNotFound) {
		err = s.findGaps()
		f = s.forgotten
	}
	if err != nil {
		return err
	}
	s.forgotten = f
	s.shareForgotten()
	for _, t := range []struct {
		prefix byte
		count  interface{ Store(int64) }
	}{{prefixGap, &s.gaps}, {prefixErrand, &s.errands}, {prefixClaim, &s.claims}} {
		n := int64(0)
		if err := r.table(t.prefix, func([]byte, []byte) error { n++; return nil }); err != nil {
			return err
		}
		t.count.Store(n)
	}
	s.claimed.all = s.claims.Load() > 0
	return nil
}

// findGaps makes the table of gaps of a store that was written by an earlier program. It reads the index
// once, and begins again with the next start if it was interrupted.
func (s *Store) findGaps() error {
	s.log.Info("looking for missing bodies", "messages", s.nextSlot)
	w := s.newWrite(s.db.NewBatch(), reader{s.db})
	err := reader{s.db}.table(prefixIndex, func(key, value []byte) error {
		id, ok := keyHash(key)
		x, err := decodeIndex(value)
		if err != nil || !ok {
			return errValue
		}
		if x.flags&flagNoBody == 0 {
			return nil
		}
		for _, at := range x.places {
			w.noteGap(id, at, false)
		}
		return w.pauseUnindexed()
	})
	if err != nil {
		return errors.Join(err, w.batch.Close())
	}
	w.rewriteForgotten()
	if w.err != nil {
		return errors.Join(w.err, w.batch.Close())
	}
	t, err := s.apply(w.batch)
	if err != nil {
		return err
	}
	return s.wait(t)
}

// pauseUnindexed hands a batch that is not read back to the database when it is large.
func (w *write) pauseUnindexed() error {
	if w.batch.Len() < chunkBytes {
		return w.err
	}
	w.keep(w.store.commit(w.batch, false))
	w.keep(wrap(w.batch.Close()))
	w.batch = w.store.db.NewBatch()
	return w.err
}

// refusedOf returns those of some messages whose bodies were erased for good.
func (w *write) refusedOf(ids []core.Hash) (map[core.Hash]bool, error) {
	if w.forgotten.erasures == 0 {
		return nil, nil
	}
	found, err := w.erasures(ids)
	refused := make(map[core.Hash]bool)
	for i, e := range found {
		if e != nil && e.Settled {
			refused[ids[i]] = true
		}
	}
	return refused, err
}

// left notes that a message to which nothing points any more is deleted: if it was to be forgotten, it is.
func (w *write) left(id core.Hash, slot uint64) error {
	if w.store.errands.Load() == 0 {
		return nil
	}
	e, err := get(w.reader, hashKey(prefixErasure, id), erasureOf(id))
	if errors.Is(err, chain.ErrNotFound) || err == nil && e.Settled {
		return nil
	}
	if err != nil {
		return err
	}
	e.Settled = true
	w.forgotten.epoch++
	w.set(hashKey(prefixErasure, id), encodeErasure(&e))
	w.set(hashKey(prefixErrand, id), errand{stageTidyDigest, slot}.encode())
	return nil
}
