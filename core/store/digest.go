package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/document"
)

// The index of digests leads from the hash of a notarised file, or of a manifest, to the messages that
// carry it. An entry comes with the body of its message and goes with it, so the table can always be
// made anew from the records. The key that is the prefix alone says that this was done: stores of
// earlier programs lack it.

const digestKeySize = 1 + core.HashSize + 8

// digestKey is where a digest leads to the message in a slot. Slots are given in the order in which
// messages come, so those of one digest lie in that order.
func digestKey(digest core.Hash, slot uint64) []byte {
	return binary.BigEndian.AppendUint64(hashKey(prefixDigest, digest), slot)
}

// digestOf returns what a message is found by, false for nearly all messages.
func digestOf(e *core.Envelope, body *core.Body) (core.Hash, bool) {
	if body == nil {
		return core.Hash{}, false
	}
	return document.Digest(e.MediaType, body.Payload)
}

// putDigest adds what a message whose body has just come is found by.
func (w *write) putDigest(id core.Hash, slot uint64, e *core.Envelope, body *core.Body) {
	if digest, ok := digestOf(e, body); ok {
		w.set(digestKey(digest, slot), encodeHash(id))
	}
}

// deleteDigest removes what a message was found by. Whoever drops a body calls it with the record as it
// was before.
func (w *write) deleteDigest(slot uint64, rec *record) {
	if digest, ok := digestOf(&rec.envelope, rec.body); ok {
		w.delete(digestKey(digest, slot))
	}
}

// WithDigest returns messages that notarise the file or the manifest with this SHA-256, waiting or in
// any block, with a Number below before: at most limit, those that came last first.
func (s *Store) WithDigest(digest core.Hash, before uint64, limit int) ([]chain.Arrival, error) {
	return single(s, func(r reader) ([]chain.Arrival, error) {
		var out []chain.Arrival
		it, err := r.NewIter(&pebble.IterOptions{LowerBound: digestKey(digest, 0), UpperBound: digestKey(digest, before)})
		if err != nil {
			return nil, wrap(err)
		}
		for ok := it.Last(); ok && len(out) < limit && err == nil; ok = it.Prev() {
			var value []byte
			if value, err = it.ValueAndErr(); err != nil {
				break
			}
			id, valueErr := decodeHash(value)
			if _, slot, ok := keyDigest(it.Key()); ok && valueErr == nil {
				out = append(out, chain.Arrival{ID: id, Number: slot})
			} else {
				err = fmt.Errorf("key %x: %w", it.Key(), errValue)
			}
		}
		return out, errors.Join(wrap(err), wrap(it.Close()))
	})
}

// keyDigest reads back what digestKey wrote; false for a key of another length.
func keyDigest(key []byte) (digest core.Hash, slot uint64, ok bool) {
	if len(key) != digestKeySize {
		return core.Hash{}, 0, false
	}
	return core.Hash(key[1:]), binary.BigEndian.Uint64(key[1+core.HashSize:]), true
}

// digestBatch is about how large the batches are in which the index is made.
const digestBatch = 1 << 20

// indexDigests makes the index of a store that was written by an earlier program. It reads every
// record once, and begins again with the next start if it was interrupted.
func (s *Store) indexDigests() error {
	r := reader{s.db}
	made, err := r.has([]byte{prefixDigest})
	if err != nil || made {
		return err
	}
	s.log.Info("making the index of notarised files", "messages", s.nextSlot)
	w := s.newWrite(s.db.NewBatch(), r)
	err = r.table(prefixRecord, func(key, value []byte) error {
		if err := s.indexDigest(w, key, value); err != nil || w.batch.Len() < digestBatch {
			return err
		}
		err := s.finishUnsynced(w)
		w = s.newWrite(s.db.NewBatch(), r)
		return err
	})
	if err != nil {
		return errors.Join(err, w.batch.Close())
	}
	w.set([]byte{prefixDigest}, newValue(0))
	t, err := s.finish(w)
	if err != nil {
		return err
	}
	return s.wait(t)
}

// indexDigest adds the entry of one record. Of nearly all of them it decodes the envelope alone, which
// copies no payload.
func (s *Store) indexDigest(w *write, key, value []byte) error {
	slot, ok := keyNumber(key)
	if !ok || len(value) < recordHead {
		return errValue
	}
	e, _, err := core.DecodeEnvelope(value[recordHead:])
	if err != nil {
		return fmt.Errorf("%w: %w", errValue, err)
	}
	if !document.HasDigest(e.MediaType) {
		return nil
	}
	rec, err := decodeRecord(value)
	if err != nil {
		return err
	}
	w.putDigest(e.ID(s.network.Genesis), slot, &rec.envelope, rec.body)
	return w.err
}

// checkDigests looks for entries that lead nowhere, or to a message of another digest. That none is
// missing is seen where the records are.
func (c *checker) checkDigests(ctx context.Context) error {
	made := false
	err := c.table(prefixDigest, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		if len(key) == 1 {
			made = true
			_, err := c.found(newDecoder(value).done(), "index of digests")
			return err
		}
		digest, slot, ok := keyDigest(key)
		id, err := decodeHash(value)
		if !ok || err != nil {
			c.problem("key %x of the index of digests is out of form", key)
			return nil
		}
		rec, err := c.record(slot)
		if ok, err := c.found(err, "record of digest %v", digest); !ok {
			return err
		}
		has, ok := digestOf(&rec.envelope, rec.body)
		if !ok || has != digest || rec.envelope.ID(c.net.Genesis) != id {
			c.problem("digest %v leads to message %v in slot %d, which has another", digest, id, slot)
		}
		return nil
	})
	if !made {
		c.problem("the index of digests was not made to its end")
	}
	return err
}

// checkDigest looks for the entry of a message.
func (c *checker) checkDigest(id core.Hash, slot uint64, rec *record) error {
	digest, ok := digestOf(&rec.envelope, rec.body)
	if !ok {
		return nil
	}
	at, err := get(c.reader, digestKey(digest, slot), decodeHash)
	if errors.Is(err, chain.ErrNotFound) {
		c.problem("message %v is not in the index of digests", id)
		return nil
	}
	if ok, err := c.found(err, "digest of message %v", id); !ok {
		return err
	}
	if at != id {
		c.problem("the digest of message %v leads to %v", id, at)
	}
	return nil
}
