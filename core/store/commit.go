package store

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

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
	if s.seen(err) == nil {
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
	w := s.newChange(p)
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

// newChange starts the batch of a plan. What only adds blocks never reads back what it wrote, so it
// needs no index over its batch.
func (s *Store) newChange(p *plan) *write {
	if len(p.Revert) == 0 && len(p.Forget) == 0 {
		return s.newWrite(s.db.NewBatchWithSize(p.size), reader{s.db})
	}
	return s.newWrite(s.db.NewIndexedBatch(), reader{})
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
		if err := w.sweep(p.Apply, p.fresh); err != nil {
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
		ids := idsOf(b.Block.Messages)
		known, err := w.lookUp(ids)
		if err != nil {
			return fmt.Errorf("messages of block %v: %w", b.Hash, err)
		}
		refused, err := w.refusedOf(ids)
		if err == nil {
			err = w.answerClaims(ids...)
		}
		if err != nil {
			return fmt.Errorf("erased messages of block %v: %w", b.Hash, err)
		}
		leaves, next := make([]keptLeaf, len(known)), w.nextSlot
		for i, m := range b.Block.Messages {
			leaves[i] = keptLeaf{m.Leaf(), next}
			if known[i] != nil {
				leaves[i].slot = known[i].slot
			} else {
				next++
			}
		}
		// The leaves come first: they are how an interrupted change finds what to take back.
		w.set(blockKey(prefixLeaves, b.Block.Header.Height, b.Hash), encodeLeaves(leaves))
		w.set(hashKey(prefixEntry, b.Hash), encodeEntry(chain.Entry{Header: b.Block.Header, SeenMS: b.SeenMS}))
		if w.long || !p.joins[b.Hash] {
			w.set(hashKey(prefixSide, b.Hash), []byte{valueVersion})
		}
		for i, m := range b.Block.Messages {
			at := chain.Place{Block: b.Hash, Height: b.Block.Header.Height, Position: i}
			in := arrival{at, leaves[i].slot, b.SeenMS, refused[m.ID]}
			if err := w.storeMessage(m, known[i], in); err != nil {
				return fmt.Errorf("message %v of block %v: %w", m.ID, b.Hash, err)
			}
		}
	}
	return nil
}

// lookUp returns the index entries of messages, also of those that this write stored.
func (w *write) lookUp(ids []core.Hash) ([]*index, error) {
	known, err := w.indexes(ids)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if x := w.made[id]; x != nil {
			known[i] = x
		}
	}
	return known, nil
}

func idsOf(msgs []*core.Message) []core.Hash {
	ids := make([]core.Hash, len(msgs))
	for i, m := range msgs {
		ids[i] = m.ID
	}
	return ids
}

// bare returns a message without its body.
func bare(m *core.Message) *core.Message {
	out := *m
	out.Body = nil
	return &out
}

// An arrival says how a message comes in a block.
type arrival struct {
	at      chain.Place
	slot    uint64 // for it, if it is not known
	seenMS  uint64
	refused bool // its body was erased for good
}

// storeMessage adds a place to a message, and stores it first if it is not known.
func (w *write) storeMessage(m *core.Message, known *index, in arrival) error {
	if in.refused {
		m = bare(m)
	}
	if known == nil {
		known = w.putMessage(m, in.slot, 0, in.seenMS)
	} else if err := w.adopt(m, known, false); err != nil {
		return err
	}
	known.places = append(known.places, in.at)
	if known.flags&flagNoBody != 0 {
		w.noteGap(m.ID, in.at, in.refused)
	}
	w.putIndex(m.ID, known)
	if !w.long { // else the batch itself shows it
		w.made[m.ID] = known
	}
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
	x, err := w.index(id)
	if err != nil {
		return missing(err, "index")
	}
	for _, at := range x.places {
		if best, err := p.onBest(w.reader, at); best || err != nil {
			return err
		}
	}
	if x.flags&flagNoBody != 0 {
		return nil // see the package comment
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return missing(err, "record")
	}
	entry := waitingOf(id, rec)
	entry.Again = true
	w.putWaiting(entry)
	w.returned++
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
	if len(p.Condemn) > 0 {
		w.store.anyCondemned.Store(true)
	}
	for _, e := range p.Condemn {
		w.set(hashKey(prefixCondemned, e.Hash), encodeEntry(e))
	}
	if p.Reorg != nil {
		record := *p.Reorg
		record.Returned = w.returned
		w.set(numberKey(prefixReorg, w.store.nextReorg), encodeReorg(&record))
	}
	return nil
}

// sweep takes the messages of applied blocks out of the waiting ones. Fresh are those of the blocks
// that were stored just now.
func (w *write) sweep(applied []core.Hash, fresh []chain.Stored) error {
	for _, hash := range applied {
		ids, err := w.idsOf(hash, fresh)
		if err != nil {
			return missing(err, "leaves of block %v", hash)
		}
		waiting := make([]*waitingPointer, len(ids))
		err = w.seekAll(prefixWaitingID, ids, func(i int, value []byte) error {
			at, err := decodeWaitingPointer(value)
			waiting[i] = &at
			return err
		})
		if err != nil {
			return err
		}
		for i, at := range waiting {
			if at == nil {
				continue
			}
			w.removeWaiting(ids[i], *at)
			if err := w.pause(); err != nil {
				return err
			}
		}
	}
	return nil
}

// idsOf returns the ids of a block's messages.
func (w *write) idsOf(block core.Hash, fresh []chain.Stored) ([]core.Hash, error) {
	var ids []core.Hash
	if i := slices.IndexFunc(fresh, func(b chain.Stored) bool { return b.Hash == block }); i >= 0 {
		for _, m := range fresh[i].Block.Messages {
			ids = append(ids, m.ID)
		}
		return ids, nil
	}
	leaves, err := w.leaves(block)
	for i := range leaves {
		ids = append(ids, leaves[i].ID)
	}
	return ids, err
}

// forget deletes side blocks with the messages that only they held. Doing it again, or to a block
// that was stored in part, is right too.
func (w *write) forget(blocks []core.Hash) error {
	for _, hash := range blocks {
		e, err := w.stored(hash)
		if errors.Is(err, chain.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		leaves, err := w.leavesAt(e.Header.Height, hash)
		if err != nil {
			return missing(err, "leaves of block %v", hash)
		}
		for _, leaf := range leaves {
			if err := w.release(leaf.ID, hash); err != nil {
				return fmt.Errorf("message %v of block %v: %w", leaf.ID, hash, err)
			}
		}
		w.delete(blockKey(prefixLeaves, e.Header.Height, hash))
		w.delete(hashKey(prefixEntry, hash))
		w.delete(hashKey(prefixSide, hash))
	}
	return nil
}

// release removes a message's place in a block, and the message if nothing else points to it.
func (w *write) release(id, block core.Hash) error {
	x, err := w.index(id)
	if errors.Is(err, chain.ErrNotFound) {
		return nil // it never came to be stored
	}
	if err != nil {
		return err
	}
	if x.flags&flagNoBody != 0 {
		for _, at := range x.places {
			if at.Block == block {
				w.keep(w.closeGap(at))
			}
		}
	}
	x.places = slices.DeleteFunc(x.places, func(p chain.Place) bool { return p.Block == block })
	waits := false
	if len(x.places) == 0 {
		if waits, err = w.has(hashKey(prefixWaitingID, id)); err != nil {
			return err
		}
	}
	if len(x.places) > 0 || waits {
		w.putIndex(id, &x)
	} else if err := w.deleteMessage(id, x.slot); err != nil {
		return err
	}
	return w.pause()
}
