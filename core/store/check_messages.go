package store

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// checkWaiting looks at the waiting messages in order.
func (c *checker) checkWaiting(ctx context.Context) error {
	next, err := get(c.reader, []byte{prefixSequence}, decodeNumber)
	if ok, err := c.found(err, "sequence number"); !ok {
		return err
	}
	return c.eachNumber(ctx, prefixWaiting, func(seq uint64, value []byte) error {
		c.report.Waiting++
		w, err := decodeWaiting(seq, value)
		if ok, err := c.found(err, "waiting message %d", seq); !ok {
			return err
		}
		if seq == 0 || seq >= next {
			c.problem("waiting message %d, but the next one is %d", seq, next)
		}
		p, err := c.waitingPointer(w.ID)
		if ok, err := c.found(err, "pointer of waiting message %d", seq); !ok {
			return err
		}
		if p.seq != seq || p.size != w.Size {
			c.problem("message %v waits as %d and as %d", w.ID, p.seq, seq)
		}
		if _, err := c.sealed(w.ID); err == nil {
			c.problem("message %v waits, and is sealed on the best chain", w.ID)
		}
		x, err := c.index(w.ID)
		if ok, err := c.found(err, "index of waiting message %v", w.ID); !ok {
			return err
		}
		rec, err := c.record(x.slot)
		if ok, err := c.found(err, "record of waiting message %v", w.ID); !ok {
			return err
		}
		if want := waitingOf(w.ID, rec); w.Size != want.Size || w.AcceptedMS != want.AcceptedMS || want.Local && !w.Local {
			c.problem("waiting message %v and its record differ", w.ID)
		}
		return nil
	})
}

func (c *checker) checkWaitingIDs(ctx context.Context) error {
	pointers := 0
	err := c.each(ctx, prefixWaitingID, func(core.Hash, []byte) error { pointers++; return nil })
	if pointers != c.report.Waiting { // each waiting message has one, so there are others
		c.problem("%d pointers to %d waiting messages", pointers, c.report.Waiting)
	}
	return err
}

// checkPrefixes looks for keys outside the key table.
func (c *checker) checkPrefixes(context.Context) error {
	known := [256]bool{}
	for _, p := range []byte{
		prefixMeta, prefixTip, prefixSequence, prefixJournal, prefixEntry, prefixHeight, prefixHistory, prefixLeaves,
		prefixSide, prefixCondemned, prefixRecord, prefixIndex, prefixWaiting, prefixWaitingID, prefixDigest,
		prefixForgotten, prefixErasure, prefixGap, prefixErased, prefixErrand, prefixClaim, prefixReorg, prefixPeer, prefixNote,
	} {
		known[p] = true
	}
	it, err := c.NewIter(&pebble.IterOptions{})
	if err != nil {
		return wrap(err)
	}
	for ok := it.First(); ok; {
		prefix := it.Key()[0]
		if !known[prefix] {
			c.problem("key %x is in no table", it.Key())
		}
		if prefix == 0xff {
			break
		}
		ok = it.SeekGE([]byte{prefix + 1}) // one look at each table
	}
	return wrap(it.Close())
}

// checkLeaves looks at the messages of every stored block.
func (c *checker) checkLeaves(ctx context.Context) error {
	return c.eachLeaves(ctx, func(height uint64, hash core.Hash, value []byte) error {
		kept, err := decodeLeaves(value)
		if ok, err := c.found(err, "leaves of block %v", hash); !ok {
			return err
		}
		e, err := c.stored(hash)
		if ok, err := c.found(err, "entry of block %v", hash); !ok {
			return err
		}
		if e.Header.Height != height {
			c.problem("leaves of block %v at height %d, its header says %d", hash, height, e.Header.Height)
		}
		if int(e.Header.MessageCount) != len(kept) {
			c.problem("block %v has %d leaves, its header says %d", hash, len(kept), e.Header.MessageCount)
		}
		leaves := make([]core.Leaf, len(kept))
		for i := range kept {
			leaves[i] = kept[i].Leaf
		}
		// The root of genesis is the hash of the network's parameters.
		if hash != c.net.Genesis && core.MessageRoot(leaves) != e.Header.MessageRoot {
			c.problem("leaves of block %v give another root", hash)
		}
		return c.checkPlaces(kept, chain.Place{Block: hash, Height: height})
	})
}

// checkPlaces looks for the place of every message of a block.
func (c *checker) checkPlaces(leaves []keptLeaf, at chain.Place) error {
	ids := make([]core.Hash, len(leaves))
	for i := range leaves {
		ids[i] = leaves[i].ID
	}
	entries, err := c.indexes(ids)
	if ok, err := c.found(err, "index of the messages of block %v", at.Block); !ok {
		return err
	}
	for i, x := range entries {
		c.places++
		at.Position = i
		if x == nil {
			c.problem("message %v of block %v is not in the index", ids[i], at.Block)
			continue
		}
		n := 0
		for _, p := range x.places {
			if p == at {
				n++
			}
		}
		if n != 1 || x.slot != leaves[i].slot {
			c.problem("message %v has %d places for block %v position %d, slot %d and %d", ids[i], n, at.Block, i, x.slot, leaves[i].slot)
		}
	}
	return nil
}

// checkRecords looks at every message: that it gives its id, and that the index leads to it.
func (c *checker) checkRecords(ctx context.Context) error {
	return c.eachNumber(ctx, prefixRecord, func(slot uint64, value []byte) error {
		c.report.Messages++
		rec, err := decodeRecord(value)
		if ok, err := c.found(err, "record %d", slot); !ok {
			return err
		}
		id := rec.envelope.ID(c.net.Genesis)
		x, err := c.index(id)
		if ok, err := c.found(err, "index of message %v in slot %d", id, slot); !ok {
			return err
		}
		if x.slot != slot || (x.flags&flagNoBody != 0) != (rec.body == nil) {
			c.problem("message %v in slot %d, with a body: %v; the index has slot %d, flags %d", id, slot, rec.body != nil, x.slot, x.flags)
		}
		if rec.body != nil {
			c.report.Bodies++
		}
		m := core.Message{ID: id, Envelope: rec.envelope, Body: rec.body}
		if err := m.CheckBody(); err != nil {
			c.problem("message %v: %v", id, err)
		}
		return c.checkDigest(id, slot, rec)
	})
}

// checkIndex looks for entries that nobody asks for. Every record has one that leads to it, and every
// leaf one with its place, so if there are more than that, some are wrong.
func (c *checker) checkIndex(ctx context.Context) error {
	entries, places := 0, 0
	err := c.each(ctx, prefixIndex, func(id core.Hash, value []byte) error {
		entries++
		x, err := decodeIndex(value)
		if ok, err := c.found(err, "index of message %v", id); !ok {
			return err
		}
		places += len(x.places)
		if err := c.checkBodiless(id, &x); err != nil {
			return err
		}
		if len(x.places) > 0 {
			return nil
		}
		waits, err := c.has(hashKey(prefixWaitingID, id))
		if err == nil && !waits {
			c.problem("nothing points to message %v", id)
		}
		return err
	})
	if entries != c.report.Messages || places != c.places {
		c.problem("%d messages in the index with %d places, want %d with %d", entries, places, c.report.Messages, c.places)
	}
	return err
}
