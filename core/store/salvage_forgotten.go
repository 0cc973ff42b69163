package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// RestoreForgotten takes over what a damaged store had given up: which messages were erased, and how far
// bodies were pruned. It is called before blocks are added, so that none of them, nor an old file, brings
// back what was erased. The store must be new. Doing it again after an error is right.
//
// Wishes of authors come with the messages that hold them.
func (s *Store) RestoreForgotten(ctx context.Context, from *Salvage) error {
	r := &restorer{store: s, from: from}
	for _, step := range []func(context.Context) error{r.pruned, r.numbered, r.erasures, r.sync} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("restoring what was forgotten into store %s: %w", s.dir, wrap(err))
		}
	}
	return nil
}

// pruned takes over how far bodies were pruned.
func (r *restorer) pruned(context.Context) error {
	var f forgotten
	err := r.from.reading(func(it *pebble.Iterator) error {
		return r.from.get(it, []byte{prefixForgotten}, func(value []byte) (err error) {
			f, err = decodeForgotten(value)
			return wrap(err)
		})
	})
	if err != nil {
		return lostIsNone(err) // what is missing counts as gaps then
	}
	return r.write(func(w *write) error {
		w.forgotten.epoch = max(w.forgotten.epoch, f.epoch+1)
		w.forgotten.pruned, w.forgotten.position, w.forgotten.bodies = f.pruned, f.position, f.bodies
		return nil
	})
}

// cutPruned makes sure that no more is said to be pruned than there is.
func (r *restorer) cutPruned(context.Context) error {
	return r.write(func(w *write) error {
		if f := &w.forgotten; f.pruned > w.store.tip.height {
			f.pruned, f.position = w.store.tip.height, 0
		}
		return nil
	})
}

// numbered takes over the erasures in their order.
func (r *restorer) numbered(ctx context.Context) error {
	return r.from.reading(func(it *pebble.Iterator) error {
		return r.copy(ctx, prefixErased, func(w *write, _, value []byte) error {
			id, err := decodeHash(value)
			if err != nil {
				return nil // lost
			}
			var e chain.Erasure
			err = r.from.get(it, hashKey(prefixErasure, id), func(value []byte) (err error) {
				e, err = decodeErasure(id, value)
				return wrap(err)
			})
			if err != nil {
				return lostIsNone(err)
			}
			return r.erasure(w, it, &e)
		})
	})
}

// erasures takes over those whose numbers are lost.
func (r *restorer) erasures(ctx context.Context) error {
	return r.from.reading(func(it *pebble.Iterator) error {
		return r.copy(ctx, prefixErasure, func(w *write, key, value []byte) error {
			id, ok := keyHash(key)
			e, err := decodeErasure(id, value)
			if err != nil || !ok {
				return nil // lost
			}
			return r.erasure(w, it, &e)
		})
	})
}

// erasure takes one over. What it left to do is done with the new store and the files beside it.
func (r *restorer) erasure(w *write, it *pebble.Iterator, e *chain.Erasure) error {
	known, err := w.has(hashKey(prefixErasure, e.ID))
	if err != nil || known {
		return err
	}
	left := errand{stage: stageDue}
	if e.Settled {
		left.stage = 0
		err := r.from.get(it, hashKey(prefixErrand, e.ID), func([]byte) error {
			left.stage = stageTidy
			return nil
		})
		if lostIsNone(err) != nil {
			return err
		}
	}
	if left.stage != 0 {
		w.set(hashKey(prefixErrand, e.ID), left.encode())
		w.errands++
	}
	e.Number = w.forgotten.erasures
	w.forgotten.erasures++
	w.set(numberKey(prefixErased, e.Number), encodeHash(e.ID))
	w.set(hashKey(prefixErasure, e.ID), encodeErasure(e))
	return nil
}

// takeBody puts a salvaged body into a message that lacks it, unless it was erased or pruned.
func (r *restorer) takeBody(w *write, m *core.Message, x *index, rec *record) error {
	if rec.body != nil || m.Body == nil {
		return nil
	}
	refused, err := w.refusedHere(m.ID)
	if err != nil || refused {
		return err
	}
	if len(x.places) > 0 && !slices.ContainsFunc(x.places, func(at chain.Place) bool { return !w.forgotten.covers(at) }) {
		return nil
	}
	w.putBody(m, x, rec)
	w.putIndex(m.ID, x)
	return w.closeGaps(m.ID, x)
}
