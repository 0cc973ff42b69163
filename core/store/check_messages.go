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
		rec, err := c.record(w.ID)
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
		prefixSide, prefixCondemned, prefixRecord, prefixBody, prefixPlaces, prefixWaiting, prefixWaitingID, prefixReorg, prefixPeer,
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
	return c.each(ctx, prefixLeaves, func(hash core.Hash, value []byte) error {
		leaves, err := decodeLeaves(value)
		if ok, err := c.found(err, "leaves of block %v", hash); !ok {
			return err
		}
		e, err := c.stored(hash)
		if ok, err := c.found(err, "entry of block %v", hash); !ok {
			return err
		}
		if int(e.Header.MessageCount) != len(leaves) {
			c.problem("block %v has %d leaves, its header says %d", hash, len(leaves), e.Header.MessageCount)
		}
		// The root of genesis is the hash of the network's parameters.
		if hash != c.net.Genesis && core.MessageRoot(leaves) != e.Header.MessageRoot {
			c.problem("leaves of block %v give another root", hash)
		}
		for i, leaf := range leaves {
			if err := c.checkPlace(leaf.ID, chain.Place{Block: hash, Height: e.Header.Height, Position: i}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *checker) checkPlace(id core.Hash, want chain.Place) error {
	c.places++
	places, err := c.reader.places(id)
	if ok, err := c.found(err, "places of message %v", id); !ok {
		return err
	}
	n := 0
	for _, p := range places {
		if p == want {
			n++
		}
	}
	if n != 1 {
		c.problem("message %v has %d places for block %v position %d", id, n, want.Block, want.Position)
	}
	return nil
}

// checkRecords looks at every message: that it gives its id, and that something points to it.
func (c *checker) checkRecords(ctx context.Context) error {
	return c.each(ctx, prefixRecord, func(id core.Hash, value []byte) error {
		c.report.Messages++
		rec, err := decodeRecord(value)
		if ok, err := c.found(err, "record of message %v", id); !ok {
			return err
		}
		if rec.envelope.ID(c.net.Genesis) != id {
			c.problem("message %v has an envelope of another id", id)
		}
		waits, err := c.has(hashKey(prefixWaitingID, id))
		if err != nil {
			return err
		}
		sealed, err := c.has(hashKey(prefixPlaces, id))
		if err == nil && !waits && !sealed {
			c.problem("nothing points to message %v", id)
		}
		m, err := c.message(id) // with its body, if the record says that there is one
		if ok, err := c.found(err, "body of message %v", id); !ok {
			return err
		}
		if err := m.CheckBody(); err != nil {
			c.problem("message %v: %v", id, err)
		}
		return nil
	})
}

// checkBodies looks for bodies of messages that are not there, or that should have none.
func (c *checker) checkBodies(ctx context.Context) error {
	return c.each(ctx, prefixBody, func(id core.Hash, _ []byte) error {
		c.report.Bodies++
		rec, err := c.record(id)
		if ok, err := c.found(err, "record for the body of message %v", id); !ok {
			return err
		}
		if rec.flags&flagNoBody != 0 {
			c.problem("message %v has a body, its record says that it has none", id)
		}
		return nil
	})
}

// checkPlaces looks for places that no block asks for. Those that the blocks ask for were found, each
// once, so if there are more than that, some are wrong.
func (c *checker) checkPlaces(ctx context.Context) error {
	have := 0
	err := c.each(ctx, prefixPlaces, func(id core.Hash, value []byte) error {
		places, err := decodePlaces(value)
		if ok, err := c.found(err, "places of message %v", id); !ok {
			return err
		}
		have += len(places)
		if len(places) == 0 {
			c.problem("message %v has an empty list of places", id)
		}
		known, err := c.has(hashKey(prefixRecord, id))
		if err == nil && !known {
			c.problem("places of message %v, which is not stored", id)
		}
		return err
	})
	if have != c.places {
		c.problem("%d places of messages, the blocks have %d", have, c.places)
	}
	return err
}
