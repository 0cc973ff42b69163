package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// restoreBatch is how many messages are judged and written at a time.
const restoreBatch = 2000

// Restored says what Restore took over.
type Restored struct {
	Waiting int `json:"waiting"` // messages that wait for a block
	Refused int `json:"refused"` // messages whose signature or another rule did not hold
	Peers   int `json:"peers"`   // of the peer book
	Reorgs  int `json:"reorgs"`  // of the history
	Notes   int `json:"notes"`   // of requests with an Idempotency-Key, all of whose messages are here
}

// Restore takes over what a damaged store knew besides its blocks, after those were added: messages that
// wait, and those of this node that no block here holds; when blocks and messages first came; the peer
// book, the history of reorgs, and the answers to requests with a key. What was condemned is not taken
// over: it is judged anew if it comes.
//
// Judge says, for each message, why it is not valid. Nobody else may use the store. Doing it again after
// an error is right.
func (s *Store) Restore(ctx context.Context, from *Salvage, judge func([]*core.Message) []error) (Restored, error) {
	r := &restorer{store: s, from: from, judge: judge}
	for _, step := range []func(context.Context) error{r.messages, r.times, r.peers, r.reorgs, r.notes, r.cutPruned, r.sync} {
		if err := step(ctx); err != nil {
			return r.done, fmt.Errorf("restoring into store %s: %w", s.dir, wrap(err))
		}
	}
	return r.done, nil
}

// A restorer is one call of Restore.
type restorer struct {
	store *Store
	from  *Salvage
	judge func([]*core.Message) []error
	done  Restored
	list  []SalvagedMessage // gathered for the next batch
}

// write makes one batch, which is not synced by itself.
func (r *restorer) write(f func(*write) error) error {
	s := r.store
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.growable(); err != nil {
		return err
	}
	w := s.newWrite(s.db.NewIndexedBatch(), reader{})
	if err := f(w); err != nil {
		return errors.Join(err, w.batch.Close())
	}
	if w.nextSeq != s.nextSeq {
		w.set([]byte{prefixSequence}, encodeNumber(w.nextSeq))
	}
	return s.finishUnsynced(w)
}

// sync makes all of it durable.
func (r *restorer) sync(context.Context) error {
	return wrap(r.store.db.LogData(nil, pebble.Sync))
}

func (r *restorer) messages(ctx context.Context) error {
	err := r.from.Messages(ctx, func(m SalvagedMessage) error {
		r.list = append(r.list, m)
		if len(r.list) < restoreBatch {
			return nil
		}
		return r.flush()
	})
	return errors.Join(err, r.flush())
}

// flush takes the gathered messages over.
func (r *restorer) flush() error {
	list := r.list
	r.list = nil
	if len(list) == 0 {
		return nil
	}
	good, err := r.valid(list)
	if err != nil {
		return err
	}
	return r.write(func(w *write) error {
		for i := range list {
			if err := r.message(w, &list[i], good[list[i].ID]); err != nil {
				return fmt.Errorf("message %v: %w", list[i].ID, err)
			}
		}
		return nil
	})
}

// valid judges those messages that no block here holds, and that are to wait for one.
func (r *restorer) valid(list []SalvagedMessage) (map[core.Hash]bool, error) {
	good := make(map[core.Hash]bool)
	ids := make([]core.Hash, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	known, err := reader{r.store.db}.indexes(ids)
	if err != nil {
		return nil, err
	}
	var msgs []*core.Message
	for i := range list {
		if known[i] == nil && (list[i].Waited || list[i].Local) && list[i].Body != nil {
			msgs = append(msgs, list[i].Message)
		}
	}
	for i, err := range r.judge(msgs) {
		if good[msgs[i].ID] = err == nil; err != nil {
			r.done.Refused++
		}
	}
	return good, nil
}

// message takes one message over. Good are those that were judged and may wait.
func (r *restorer) message(w *write, m *SalvagedMessage, good bool) error {
	x, err := w.index(m.ID)
	if errors.Is(err, chain.ErrNotFound) {
		if refused, err := w.refusedHere(m.ID); err != nil || refused || !good {
			return err
		}
		var flags byte
		if m.Local {
			flags = flagLocal
		}
		w.putIndex(m.ID, w.putMessage(m.Message, w.nextSlot, flags, m.AcceptedMS))
		return r.wait(w, m)
	}
	if err != nil {
		return err
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return err
	}
	if m.Local {
		rec.flags |= flagLocal
	}
	if m.AcceptedMS > 0 {
		rec.acceptedMS = m.AcceptedMS
	}
	if err := r.takeBody(w, m.Message, &x, rec); err != nil {
		return err
	}
	w.set(numberKey(prefixRecord, x.slot), rec.encode())
	standing, at, err := w.standing(m.ID)
	switch {
	case err != nil || standing == mempool.AlreadySealed:
		return err
	case standing == mempool.AlreadyWaiting:
		entry := waitingOf(m.ID, rec)
		entry.Seq, entry.Again = at.seq, m.Again
		w.set(numberKey(prefixWaiting, at.seq), encodeWaiting(entry))
		return nil
	case (m.Waited || m.Local) && rec.body != nil: // only a side block has it
		return r.wait(w, m)
	}
	return nil
}

// wait adds a message, whose record is written, to those that wait.
func (r *restorer) wait(w *write, m *SalvagedMessage) error {
	x, err := w.index(m.ID)
	if err != nil {
		return err
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return err
	}
	entry := waitingOf(m.ID, rec)
	entry.Again = m.Again
	w.putWaiting(entry)
	r.done.Waiting++
	return nil
}

// times takes over when blocks were first seen.
func (r *restorer) times(ctx context.Context) error {
	return r.from.reading(func(it *pebble.Iterator) error {
		return r.copy(ctx, prefixEntry, func(w *write, key, _ []byte) error {
			hash, ok := keyHash(key)
			if !ok {
				return nil
			}
			old, err := r.from.entry(it, hash)
			if err != nil || old.SeenMS == 0 {
				return lostIsNone(err)
			}
			e, err := w.stored(hash)
			if err != nil || e.SeenMS == old.SeenMS {
				return lostIsNone(err)
			}
			e.SeenMS = old.SeenMS
			w.set(key, encodeEntry(e))
			return nil
		})
	})
}

func (r *restorer) peers(ctx context.Context) error {
	return r.copy(ctx, prefixPeer, func(w *write, key, value []byte) error {
		if len(key) < 2 || len(value) < 1 || len(value) > 1+MaxPeerValue || value[0] != valueVersion {
			return nil
		}
		w.set(slices.Clone(key), slices.Clone(value))
		r.done.Peers++
		return nil
	})
}

// reorgs takes the history of reorgs over, instead of what adding the blocks made.
func (r *restorer) reorgs(ctx context.Context) error {
	next := uint64(0)
	err := r.write(func(w *write) error {
		return reader{r.store.db}.table(prefixReorg, func(key, _ []byte) error {
			w.delete(slices.Clone(key))
			return nil
		})
	})
	if err != nil {
		return err
	}
	err = r.copy(ctx, prefixReorg, func(w *write, _, value []byte) error {
		if _, err := decodeReorg(value); err != nil {
			return nil // lost
		}
		w.set(numberKey(prefixReorg, next), slices.Clone(value))
		next++
		return nil
	})
	r.store.nextReorg, r.done.Reorgs = next, int(next)
	return err
}

// copy calls f with every salvaged key of a table, many to a batch.
func (r *restorer) copy(ctx context.Context, prefix byte, f func(w *write, key, value []byte) error) error {
	type entry struct{ key, value []byte }
	var list []entry
	flush := func() error {
		if len(list) == 0 {
			return nil
		}
		err := r.write(func(w *write) error {
			for _, e := range list {
				if err := f(w, e.key, e.value); err != nil {
					return err
				}
			}
			return nil
		})
		list = nil
		return err
	}
	err := r.from.table(ctx, prefix, func(key, value []byte) error {
		list = append(list, entry{slices.Clone(key), slices.Clone(value)})
		if len(list) < restoreBatch {
			return nil
		}
		return flush()
	})
	return errors.Join(err, flush())
}

// notes takes over what was answered to requests with a key, if all that the answer promises is here.
// Else a repeated request is done again: a message may then come twice, but none is promised and lost.
// Notes that no longer count may come with the rest, and go with them.
func (r *restorer) notes(ctx context.Context) error {
	return r.copy(ctx, prefixNote, func(w *write, key, value []byte) error {
		note, err := decodeNote(value)
		if err != nil || len(key) != noteKeySize || binary.BigEndian.Uint32(key[1:]) != dayOf(note.AtMS) {
			return nil // lost
		}
		for _, m := range note.Messages {
			if m.Result == mempool.Refused {
				continue
			}
			if has, err := w.has(hashKey(prefixIndex, m.ID)); err != nil || !has {
				return err
			}
		}
		w.set(key, value)
		r.done.Notes++
		return nil
	})
}
