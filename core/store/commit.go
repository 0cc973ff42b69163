package store

import (
	"errors"
	"fmt"
	"math/bits"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// Commit implements chain.Store. Messages of reverted blocks wait again in the order that they had
// on the chain, whoever brought them. A block that is stored already
// is not stored again. ErrBadChange and ErrDiskFull mean that nothing changed.
func (s *Store) Commit(c chain.Change) error {
	s.writing.Lock()
	t, err := s.change(c)
	s.writing.Unlock()
	if err == nil {
		err = s.wait(t)
	}
	if err != nil {
		return fmt.Errorf("changing the chain: %w", err)
	}
	return nil
}

func (s *Store) change(c chain.Change) (ticket, error) {
	check := s.writable
	if len(c.Store) > 0 {
		check = s.growable
	}
	if err := check(); err != nil {
		return ticket{}, err
	}
	p, err := s.plan(reader{s.db}, c)
	if err != nil {
		return ticket{}, err
	}
	if p.size > s.opts.MaxBatchBytes {
		return ticket{}, s.changeLong(p)
	}
	w := s.newWrite(s.db.NewIndexedBatch(), reader{})
	if err := w.change(p); err != nil {
		return ticket{}, errors.Join(err, w.batch.Close())
	}
	if w.batch.Empty() {
		return ticket{}, w.batch.Close()
	}
	t, err := s.finish(w)
	if err == nil {
		s.moved(p)
	}
	return t, err
}

// change puts a whole plan into one batch.
func (w *write) change(p *plan) error {
	if err := w.storeBlocks(p); err != nil {
		return err
	}
	if err := w.giveBack(p); err != nil {
		return err
	}
	if err := w.turn(p); err != nil {
		return err
	}
	if int(w.store.waitingCount.Load())+w.count > 0 {
		if err := w.sweep(p.Apply); err != nil {
			return err
		}
	}
	return w.forget(p.Forget)
}

// moved takes over a written plan.
func (s *Store) moved(p *plan) {
	s.tip = p.tip
	if p.Reorg != nil {
		s.nextReorg++
	}
}

// storeBlocks stores the new blocks. They are side blocks until they are applied.
func (w *write) storeBlocks(p *plan) error {
	for _, b := range p.fresh {
		// The leaves come first: they are how an interrupted change finds what to take back.
		w.set(hashKey(prefixLeaves, b.Hash), encodeLeaves(b.Block.Leaves()))
		w.set(hashKey(prefixEntry, b.Hash), encodeEntry(chain.Entry{Header: b.Block.Header, SeenMS: b.SeenMS}))
		if w.long || !p.joins[b.Hash] {
			w.set(hashKey(prefixSide, b.Hash), []byte{valueVersion})
		}
		for i, m := range b.Block.Messages {
			at := chain.Place{Block: b.Hash, Height: b.Block.Header.Height, Position: i}
			if err := w.storeMessage(m, at, b.SeenMS); err != nil {
				return fmt.Errorf("message %v of block %v: %w", m.ID, b.Hash, err)
			}
		}
	}
	return nil
}

func (w *write) storeMessage(m *core.Message, at chain.Place, seenMS uint64) error {
	rec, err := w.record(m.ID)
	var places []chain.Place
	switch {
	case errors.Is(err, chain.ErrNotFound):
		w.putMessage(m, &record{acceptedMS: seenMS, signature: m.Signature, envelope: m.Envelope})
	case err != nil:
		return err
	default:
		if w.adopt(m, rec, false) {
			w.set(hashKey(prefixRecord, m.ID), rec.encode())
		}
		if places, err = w.places(m.ID); err != nil {
			return err
		}
	}
	w.set(hashKey(prefixPlaces, m.ID), encodePlaces(append(places, at)))
	return w.pause()
}

// giveBack lets the messages of reverted blocks wait again, unless the best chain has them.
func (w *write) giveBack(p *plan) error {
	for i := len(p.Revert) - 1; i >= 0; i-- {
		leaves, err := w.leaves(p.Revert[i])
		if err != nil {
			return missing(err, "leaves of block %v", p.Revert[i])
		}
		for _, leaf := range leaves {
			if err := w.giveBackMessage(p, leaf.ID); err != nil {
				return fmt.Errorf("message %v of block %v: %w", leaf.ID, p.Revert[i], err)
			}
		}
	}
	return nil
}

func (w *write) giveBackMessage(p *plan, id core.Hash) error {
	places, err := w.places(id)
	if err != nil {
		return err
	}
	for _, at := range places {
		if best, err := p.onBest(w.reader, at); best || err != nil {
			return err
		}
	}
	rec, err := w.record(id)
	if err != nil {
		return missing(err, "record")
	}
	w.putWaiting(waitingOf(id, rec))
	return w.pause()
}

// turn moves the tip with all that is small: it is never split over batches.
func (w *write) turn(p *plan) error {
	history, err := w.frontier(p.fork.height)
	if err != nil {
		return missing(err, "history tree at height %d", p.fork.height)
	}
	for i, hash := range p.Revert {
		height := p.old.height - uint64(i)
		w.delete(numberKey(prefixHeight, height))
		for level := 1; level <= bits.TrailingZeros64(^height); level++ {
			w.delete(historyKey(level, height>>level))
		}
		w.set(hashKey(prefixSide, hash), []byte{valueVersion})
	}
	wasFresh := make(map[core.Hash]bool, len(p.fresh))
	for _, b := range p.fresh {
		wasFresh[b.Hash] = !w.long
	}
	for i, hash := range p.Apply {
		height := p.fork.height + 1 + uint64(i)
		w.set(numberKey(prefixHeight, height), encodeHash(hash))
		for n, node := range completed(history.Peaks(), height, hash) {
			w.set(historyKey(n+1, height>>(n+1)), encodeHash(node))
		}
		history = history.Append(hash)
		if !wasFresh[hash] {
			w.delete(hashKey(prefixSide, hash))
		}
	}
	if p.tip != p.old {
		w.set([]byte{prefixTip}, p.tip.encode())
	}
	if w.nextSeq != w.store.nextSeq {
		w.set([]byte{prefixSequence}, encodeNumber(w.nextSeq))
	}
	for _, e := range p.Condemn {
		w.set(hashKey(prefixCondemned, e.Hash), encodeEntry(e))
	}
	if p.Reorg != nil {
		w.set(numberKey(prefixReorg, w.store.nextReorg), encodeReorg(p.Reorg))
	}
	return nil
}

// sweep takes the messages of applied blocks out of the waiting ones.
func (w *write) sweep(applied []core.Hash) error {
	for _, hash := range applied {
		leaves, err := w.leaves(hash)
		if err != nil {
			return missing(err, "leaves of block %v", hash)
		}
		for _, leaf := range leaves {
			at, err := w.waitingPointer(leaf.ID)
			if errors.Is(err, chain.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			w.removeWaiting(leaf.ID, at)
			if err := w.pause(); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget deletes side blocks with the messages that only they held. Doing it again, or to a block
// that was stored in part, is right too.
func (w *write) forget(blocks []core.Hash) error {
	for _, hash := range blocks {
		leaves, err := w.leaves(hash)
		if errors.Is(err, chain.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, leaf := range leaves {
			if err := w.release(leaf.ID, hash); err != nil {
				return fmt.Errorf("message %v of block %v: %w", leaf.ID, hash, err)
			}
		}
		w.delete(hashKey(prefixLeaves, hash))
		w.delete(hashKey(prefixEntry, hash))
		w.delete(hashKey(prefixSide, hash))
	}
	return nil
}

// release removes a message's place in a block, and the message if nothing else points to it.
func (w *write) release(id, block core.Hash) error {
	places, err := w.places(id)
	if err != nil {
		return err
	}
	var rest []chain.Place
	for _, p := range places {
		if p.Block != block {
			rest = append(rest, p)
		}
	}
	if len(rest) > 0 {
		w.set(hashKey(prefixPlaces, id), encodePlaces(rest))
		return w.pause()
	}
	waits, err := w.has(hashKey(prefixWaitingID, id))
	if err != nil {
		return err
	}
	if waits {
		w.delete(hashKey(prefixPlaces, id))
	} else {
		w.deleteMessage(id)
	}
	return w.pause()
}
