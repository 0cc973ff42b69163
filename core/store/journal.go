package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// chunkBytes is about how large the batches of a long change are.
const chunkBytes = 4 << 20

// A change that is too large for one batch has three parts:
//
//  1. preparing: new blocks are stored, as side blocks, and reverted messages begin to wait. All of
//     this can be told from what was there before, by the journal, and can be taken back;
//  2. the turn, one synced batch: heights, history, sides and tip, and the journal says sweeping;
//  3. sweeping: sealed messages stop waiting, forgotten blocks go. Doing it again does no harm.
//
// An interrupted change is undone in the first part, and finished in the third. The batches of a part
// are not synced one by one: the log keeps their order, and the turn syncs all before it.
const (
	phasePreparing = 1
	phaseSweeping  = 2
)

// A journal is what is needed to undo or to finish a long change.
type journal struct {
	phase    byte
	firstSeq uint64 // messages that wait from here on were given back by the change
	old, new tip
	stored   []core.Hash // blocks that were not stored before
	applied  []core.Hash
	forgets  []core.Hash
}

func (j *journal) encode() []byte {
	b := append(newValue(0), j.phase)
	b = binary.BigEndian.AppendUint64(b, j.firstSeq)
	for _, t := range []tip{j.old, j.new} {
		b = binary.BigEndian.AppendUint64(append(b, t.hash[:]...), t.height)
	}
	for _, list := range [][]core.Hash{j.stored, j.applied, j.forgets} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
		for _, h := range list {
			b = append(b, h[:]...)
		}
	}
	return b
}

func decodeJournal(value []byte) (*journal, error) {
	d := newDecoder(value)
	j := &journal{phase: d.u8(), firstSeq: d.u64(), old: tip{d.hash(), d.u64()}, new: tip{d.hash(), d.u64()}}
	for _, list := range []*[]core.Hash{&j.stored, &j.applied, &j.forgets} {
		n := int(d.u32())
		if n > len(d.rest)/core.HashSize {
			return nil, errValue
		}
		for range n {
			*list = append(*list, d.hash())
		}
	}
	if j.phase != phasePreparing && j.phase != phaseSweeping {
		return nil, errValue
	}
	return j, d.done()
}

// changeLong makes a change of any size in memory that does not depend on its size. Writing is held,
// so nothing else is written meanwhile, and readers see what was there before.
func (s *Store) changeLong(p *plan) error {
	before := s.db.NewSnapshot()
	s.show(before)
	defer func() {
		s.show(s.db)
		before.Close()
	}()
	j := &journal{phase: phasePreparing, firstSeq: s.nextSeq, old: p.old, new: p.tip, applied: p.Apply, forgets: p.Forget}
	for _, b := range p.fresh {
		j.stored = append(j.stored, b.Hash)
	}
	s.log.Info("long change of the chain begins", "height", p.tip.height, "hash", p.tip.hash)
	w := s.newLongWrite()
	if err := s.prepareAndTurn(w, j, p); err != nil {
		return errors.Join(err, s.takeBack(j))
	}
	s.moved(p)
	s.nextSeq, s.nextSlot = w.nextSeq, w.nextSlot
	if err := s.sweep(w, j); err != nil {
		// The change is made, and durable, but the next start must tidy up before anything else.
		s.fail(fmt.Errorf("finishing a long change: %w", err))
		return s.writable()
	}
	s.count(w)
	return nil
}

// prepareAndTurn does the first two parts.
func (s *Store) prepareAndTurn(w *write, j *journal, p *plan) error {
	w.set([]byte{prefixJournal}, j.encode())
	if err := w.storeBlocks(p); err != nil {
		return err
	}
	if err := w.giveBack(p); err != nil {
		return err
	}
	if err := w.turn(p); err != nil {
		return err
	}
	turned := *j
	turned.phase = phaseSweeping
	w.set([]byte{prefixJournal}, turned.encode())
	w.putForgotten()
	if w.err != nil {
		return w.err
	}
	t, err := s.apply(w.batch)
	if err != nil {
		return err
	}
	w.restart()
	return s.wait(t)
}

// takeBack undoes the first part after an error, unless the error means that nothing can be written.
func (s *Store) takeBack(j *journal) error {
	if s.failure.Load() != nil {
		return nil
	}
	err := s.undo(j)
	if err != nil {
		s.fail(fmt.Errorf("undoing a long change: %w", err))
	}
	return err
}

// undo removes all that the first part added.
func (s *Store) undo(j *journal) error {
	w := s.newLongWrite()
	err := reader{s.db}.scan(numberKey(prefixWaiting, j.firstSeq), []byte{prefixWaiting + 1}, func(key, value []byte) error {
		seq, ok := keyNumber(key)
		if !ok {
			return errValue
		}
		entry, err := decodeWaiting(seq, value)
		if err != nil {
			return err
		}
		w.removeWaiting(entry.ID, waitingPointer{seq, entry.Size})
		return w.pause()
	})
	if err != nil {
		return errors.Join(err, w.batch.Close())
	}
	return s.endJournal(w, j.stored)
}

// sweep does the third part.
func (s *Store) sweep(w *write, j *journal) error {
	if err := w.sweep(j.applied, nil); err != nil {
		return errors.Join(err, w.batch.Close())
	}
	return s.endJournal(w, j.forgets)
}

// endJournal forgets blocks and then the journal.
func (s *Store) endJournal(w *write, blocks []core.Hash) error {
	if err := w.forget(blocks); err != nil {
		return errors.Join(err, w.batch.Close())
	}
	w.delete([]byte{prefixJournal})
	return w.flush()
}

// recover undoes or finishes the long change that the last process did not come to the end of.
func (s *Store) recover() error {
	j, err := get(reader{s.db}, []byte{prefixJournal}, decodeJournal)
	if errors.Is(err, chain.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the journal: %w", err)
	}
	s.log.Warn("the last change of the chain was interrupted", "undo", j.phase == phasePreparing, "height", j.new.height, "hash", j.new.hash)
	if j.phase == phasePreparing {
		err = s.undo(j)
	} else {
		err = s.sweep(s.newLongWrite(), j)
	}
	if err != nil {
		return fmt.Errorf("recovering a long change: %w", err)
	}
	return nil
}

// newLongWrite starts a write that is handed to the database piece by piece.
func (s *Store) newLongWrite() *write {
	w := s.newWrite(s.db.NewIndexedBatch(), reader{})
	w.long = true
	return w
}

// pause hands a long write's batch to the database when it is large. It is called between messages.
func (w *write) pause() error {
	if !w.long || w.batch.Len() < min(chunkBytes, w.store.opts.MaxBatchBytes/4) {
		return w.err
	}
	return w.flush()
}

// flush hands a long write's batch over and starts the next one.
func (w *write) flush() error {
	if w.err == nil {
		w.err = w.store.commit(w.batch, false)
	}
	if w.err != nil {
		return w.err
	}
	w.keep(wrap(w.batch.Close()))
	w.restart()
	return w.err
}

// restart gives a write a new batch; the one before it has been handed over.
func (w *write) restart() {
	w.batch = w.store.db.NewIndexedBatch()
	w.reader = reader{pebble.Reader(w.batch)}
}
