package store

import (
	"errors"
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// A gap is a place of a message whose body is missing, was not erased for good, and lies above what was
// pruned. Every such place of a stored block has an entry, off the best chain too.

// noteGap notes a place of a message without a body. Refused says that the body is not wanted.
func (w *write) noteGap(id core.Hash, at chain.Place, refused bool) {
	if refused || w.forgotten.covers(at) {
		return
	}
	w.set(gapKey(at), encodeHash(id))
	w.gaps++
}

// closeGaps removes the gaps of a message.
func (w *write) closeGaps(id core.Hash, x *index) error {
	for _, at := range x.places {
		if err := w.closeGap(at); err != nil {
			return fmt.Errorf("gap of message %v: %w", id, err)
		}
	}
	return nil
}

func (w *write) closeGap(at chain.Place) error {
	is, err := w.has(gapKey(at))
	if is {
		w.delete(gapKey(at))
		w.gaps--
	}
	return err
}

// gap decodes an entry of the table.
func gap(key, value []byte) (chain.Gap, error) {
	at, ok := keyGap(key)
	id, err := decodeHash(value)
	if !ok {
		err = errValue
	}
	return chain.Gap{ID: id, Place: at}, err
}

// Gaps returns up to limit bodies that are missing on the best chain although nobody erased them and this
// node did not prune them, after a place, lowest first. After the zero place is from the start.
func (s *Store) Gaps(after chain.Place, limit int) ([]chain.Gap, error) {
	if s.gaps.Load() == 0 || limit <= 0 {
		return nil, nil
	}
	return snapshot(s, func(r reader) ([]chain.Gap, error) {
		var out []chain.Gap
		from := []byte{prefixGap}
		if after != (chain.Place{}) {
			from = append(gapKey(after), 0)
		}
		best := onBest{reader: r}
		err := r.scan(from, []byte{prefixGap + 1}, func(key, value []byte) error {
			g, err := gap(key, value)
			if err != nil {
				return err
			}
			if is, err := best.is(g.Place); err != nil || !is {
				return err
			}
			if out = append(out, g); len(out) == limit {
				return errStop
			}
			return nil
		})
		return out, err
	})
}

// onBest tells for places in the order of heights whether they are on the best chain.
type onBest struct {
	reader
	known  bool
	height uint64
	hash   core.Hash
}

func (b *onBest) is(at chain.Place) (bool, error) {
	if !b.known || b.height != at.Height {
		hash, err := b.hashAt(at.Height)
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return false, err
		}
		b.known, b.height, b.hash = true, at.Height, hash
	}
	return b.hash == at.Block, nil
}

// LowestFull returns the first height of the best chain from which on no body is missing, but for erased
// ones. A node that keeps everything answers 0.
func (s *Store) LowestFull() (uint64, error) {
	return snapshot(s, func(r reader) (uint64, error) {
		f, err := get(r, []byte{prefixForgotten}, decodeForgotten)
		if err != nil {
			return 0, missing(err, "what was forgotten")
		}
		lowest := uint64(0)
		if f.position > 0 {
			lowest = f.pruned + 2
		} else if f.pruned > 0 {
			lowest = f.pruned + 1
		}
		if s.gaps.Load() == 0 {
			return lowest, nil
		}
		last, ok, err := r.lastGap()
		if ok {
			lowest = max(lowest, last+1)
		}
		return lowest, err
	})
}

// lastGap returns the height of the last gap on the best chain. Those off it are few.
func (r reader) lastGap() (height uint64, ok bool, err error) {
	it, err := r.NewIter(rangeOf(prefixGap))
	if err != nil {
		return 0, false, wrap(err)
	}
	best := onBest{reader: r}
	for valid := it.Last(); valid && !ok && err == nil; valid = it.Prev() {
		at, form := keyGap(it.Key())
		if !form {
			err = fmt.Errorf("key %x: %w", it.Key(), wrap(errValue))
			break
		}
		height = at.Height
		ok, err = best.is(at)
	}
	return height, ok, errors.Join(err, wrap(it.Close()))
}

// Fill puts bodies into gaps, and returns how many. It takes none that does not fit its message, was
// erased or pruned, or is here; those are passed over. ErrDiskFull means that nothing changed.
func (s *Store) Fill(msgs []*core.Message) (int, error) {
	if err := s.room(); err != nil {
		return 0, fmt.Errorf("filling gaps: %w", err)
	}
	filled, err := s.forgetting(func(w *write) (int, error) {
		n := 0
		for _, m := range msgs {
			is, err := w.fillGap(m)
			if err != nil {
				return 0, fmt.Errorf("message %v: %w", m.ID, err)
			}
			if is {
				n++
			}
		}
		return n, nil
	})
	if err != nil {
		return filled, fmt.Errorf("filling gaps: %w", err)
	}
	return filled, nil
}

// fillGap takes a body in, if one is missing.
func (w *write) fillGap(m *core.Message) (bool, error) {
	if m.Body == nil {
		return false, nil
	}
	x, err := w.index(m.ID)
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil
	}
	if err != nil || x.flags&flagNoBody == 0 {
		return false, err
	}
	open := false
	for _, at := range x.places {
		is, err := w.has(gapKey(at))
		if err != nil {
			return false, err
		}
		open = open || is
	}
	if !open {
		return false, nil
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return false, missing(err, "record")
	}
	whole := core.Message{ID: m.ID, Envelope: rec.envelope, Signature: rec.signature, Body: m.Body}
	if whole.CheckBody() != nil {
		return false, nil
	}
	w.putBody(&whole, &x, rec)
	w.putIndex(m.ID, &x)
	return true, w.closeGaps(m.ID, &x)
}

// putBody puts a body that has come into a record. The caller puts the index entry, and closes the gaps.
func (w *write) putBody(m *core.Message, x *index, rec *record) {
	rec.body = m.Body
	x.flags &^= flagNoBody
	w.forgotten.epoch++
	w.set(numberKey(prefixRecord, x.slot), rec.encode())
	w.putDigest(m.ID, x.slot, &rec.envelope, rec.body)
	w.noteClaim(m.ID, &rec.envelope, rec.body)
}
