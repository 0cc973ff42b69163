package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// prefixSorted is a table of the scratch alone: block hash(32) position(4) with message id(32) slot(8).
const prefixSorted = 0xf0

// A SalvagedBlock is a block whose header gives its hash, and whose messages give what the header commits
// to. Its work and its signatures are for the chain to judge.
type SalvagedBlock struct {
	*core.Block
	Hash   core.Hash
	SeenMS uint64
}

// CheckNetwork returns ErrOtherNetwork, ErrNewerSchema or ErrOlderSchema where the store says that it is
// not what this program can repair. A meta record that cannot be read says nothing.
func (s *Salvage) CheckNetwork() error {
	return s.reading(func(it *pebble.Iterator) error {
		var m meta
		err := s.get(it, []byte{prefixMeta}, func(value []byte) (err error) {
			m, err = decodeMeta(value)
			return err
		})
		switch {
		case errors.Is(err, ErrNewerSchema), errors.Is(err, ErrOlderSchema):
			return err
		case err != nil:
			return nil // lost or damaged: blocks tell their network by their hashes
		case m.genesis != s.network.Genesis:
			return fmt.Errorf("it holds %s, not %s: %w", m.network, s.network, ErrOtherNetwork)
		}
		return nil
	})
}

// reading calls f with an iterator over the scratch.
func (s *Salvage) reading(f func(*pebble.Iterator) error) error {
	it, err := s.db.NewIter(nil)
	if err != nil {
		return err
	}
	return errors.Join(f(it), it.Close())
}

// Blocks calls f with every block that is whole, in the order of heights, but for genesis. It returns how
// many are not: their header, a leaf or a message is lost. Lists of leaves that are lost are made again
// from the index first.
func (s *Salvage) Blocks(ctx context.Context, f func(SalvagedBlock) error) (lost int, err error) {
	if err := s.rebuildLeaves(ctx); err != nil {
		return 0, fmt.Errorf("salvaging leaves: %w", err)
	}
	err = s.reading(func(it *pebble.Iterator) error {
		return s.table(ctx, prefixLeaves, func(key, value []byte) error {
			height, hash, ok := keyBlock(key)
			if !ok || height == 0 {
				return nil
			}
			b, err := s.block(it, hash, value)
			if errors.Is(err, ErrCorrupt) || errors.Is(err, chain.ErrNotFound) {
				lost++
				return nil
			}
			if err != nil {
				return err
			}
			return f(*b)
		})
	})
	return lost, err
}

// entry returns the entry of a block, if it is that block's.
func (s *Salvage) entry(it *pebble.Iterator, hash core.Hash) (e chain.Entry, err error) {
	err = s.get(it, hashKey(prefixEntry, hash), func(value []byte) (err error) {
		e, err = decodeEntry(hash, false, value)
		return wrap(err)
	})
	if err == nil && e.Header.Hash() != hash {
		err = fmt.Errorf("block %v has a header of another hash: %w", hash, ErrCorrupt)
	}
	return e, err
}

// block puts a block together from its list of leaves.
func (s *Salvage) block(it *pebble.Iterator, hash core.Hash, value []byte) (*SalvagedBlock, error) {
	e, err := s.entry(it, hash)
	if err != nil {
		return nil, err
	}
	kept, err := decodeLeaves(value)
	if err != nil {
		return nil, wrap(err)
	}
	if len(kept) != int(e.Header.MessageCount) || rootOf(kept) != e.Header.MessageRoot {
		return nil, fmt.Errorf("leaves of block %v give another root: %w", hash, ErrCorrupt)
	}
	b := &SalvagedBlock{&core.Block{Header: e.Header}, hash, e.SeenMS}
	for i := range kept {
		rec, err := s.recordOf(it, kept[i].ID, kept[i].slot)
		if err != nil {
			return nil, err
		}
		b.Messages = append(b.Messages, s.message(rec, kept[i].Leaf))
	}
	return b, nil
}

func rootOf(kept []keptLeaf) core.Hash {
	leaves := make([]core.Leaf, len(kept))
	for i := range kept {
		leaves[i] = kept[i].Leaf
	}
	return core.MessageRoot(leaves)
}

// message is a record as a leaf has it. A body that does not fit its commitment is missing.
func (s *Salvage) message(rec *record, leaf core.Leaf) *core.Message {
	m := &core.Message{ID: leaf.ID, Envelope: rec.envelope, Signature: leaf.Signature, Body: rec.body}
	if m.Body != nil && m.CheckBody() != nil {
		m.Body = nil
	}
	return m
}

// recordOf returns the record of a message, which is in its slot unless that leads elsewhere.
func (s *Salvage) recordOf(it *pebble.Iterator, id core.Hash, slot uint64) (*record, error) {
	rec, err := s.record(it, slot)
	if err == nil && rec.envelope.ID(s.network.Genesis) == id {
		return rec, nil
	}
	if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, chain.ErrNotFound) {
		return nil, err
	}
	return nil, fmt.Errorf("message %v: %w", id, ErrCorrupt)
}

func (s *Salvage) record(it *pebble.Iterator, slot uint64) (rec *record, err error) {
	err = s.get(it, numberKey(prefixRecord, slot), func(value []byte) (err error) {
		rec, err = decodeRecord(value)
		return wrap(err)
	})
	return rec, err
}

// rebuildLeaves makes the lists of leaves that are lost, for blocks whose messages are all in the index.
// They prove themselves by the root.
func (s *Salvage) rebuildLeaves(ctx context.Context) error {
	lacking := make(map[core.Hash]chain.Entry)
	err := s.reading(func(it *pebble.Iterator) error {
		return s.table(ctx, prefixEntry, func(key, value []byte) error {
			hash, ok := keyHash(key)
			if !ok {
				return nil
			}
			e, err := decodeEntry(hash, false, value)
			if err != nil || e.Header.Hash() != hash || e.Header.Height == 0 {
				return nil // Blocks counts it
			}
			err = s.get(it, blockKey(prefixLeaves, e.Header.Height, hash), func(value []byte) error {
				kept, err := decodeLeaves(value)
				if err != nil || rootOf(kept) != e.Header.MessageRoot {
					return chain.ErrNotFound
				}
				return nil
			})
			if errors.Is(err, chain.ErrNotFound) {
				lacking[hash], err = e, nil
			}
			return err
		})
	})
	if err != nil || len(lacking) == 0 {
		return err
	}
	if err := s.sortPlaces(ctx, lacking); err != nil {
		return err
	}
	for hash, e := range lacking {
		if err := s.putLeaves(hash, e); err != nil {
			return err
		}
	}
	return nil
}

// sortPlaces writes down which messages are in some blocks, in the order that they have there.
func (s *Salvage) sortPlaces(ctx context.Context, of map[core.Hash]chain.Entry) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	err := s.table(ctx, prefixIndex, func(key, value []byte) error {
		id, ok := keyHash(key)
		x, err := decodeIndex(value)
		if !ok || err != nil {
			return nil // lost
		}
		for _, p := range x.places {
			if _, ok := of[p.Block]; !ok {
				continue
			}
			at := binary.BigEndian.AppendUint32(hashKey(prefixSorted, p.Block), uint32(p.Position))
			if err := batch.Set(at, binary.BigEndian.AppendUint64(bytes.Clone(id[:]), x.slot), nil); err != nil {
				return err
			}
		}
		if batch.Len() < scratchBatch {
			return nil
		}
		err = s.db.Apply(batch, pebble.NoSync)
		batch.Reset()
		return err
	})
	if err == nil && !batch.Empty() {
		err = s.db.Apply(batch, pebble.NoSync)
	}
	return err
}

// putLeaves adds the leaves of a block to the scratch, if all of them are found.
func (s *Salvage) putLeaves(hash core.Hash, e chain.Entry) error {
	var kept []keptLeaf
	err := s.reading(func(it *pebble.Iterator) error {
		sorted, err := s.db.NewIter(&pebble.IterOptions{LowerBound: hashKey(prefixSorted, hash), UpperBound: append(hashKey(prefixSorted, hash), 0xff, 0xff, 0xff, 0xff)})
		if err != nil {
			return err
		}
		for ok := sorted.First(); ok; ok = sorted.Next() {
			value, err := sorted.ValueAndErr()
			if err != nil || len(value) != core.HashSize+8 {
				break
			}
			id, slot := core.Hash(value[:core.HashSize]), binary.BigEndian.Uint64(value[core.HashSize:])
			rec, err := s.recordOf(it, id, slot)
			if err != nil {
				break // the root tells
			}
			kept = append(kept, keptLeaf{core.Leaf{ID: id, Signature: rec.signature}, slot})
		}
		return errors.Join(sorted.Error(), sorted.Close())
	})
	if err != nil || len(kept) != int(e.Header.MessageCount) || rootOf(kept) != e.Header.MessageRoot {
		return err
	}
	key := blockKey(prefixLeaves, e.Header.Height, hash)
	// Newer than whatever is there: that was found to be wrong.
	return s.db.Set(scratchKey(key, 1<<56), append([]byte{1}, encodeLeaves(kept)...), pebble.NoSync)
}

// A SalvagedMessage is a message with its id, and what the store knew of it. Its signature is for the
// caller to judge.
type SalvagedMessage struct {
	*core.Message
	Local      bool // this node answers for it
	Again      bool // a reorg gave it back
	Waited     bool // it waited for a block, or nobody can say that it did not
	AcceptedMS uint64
}

// Messages calls f with every message, in the order in which they came.
func (s *Salvage) Messages(ctx context.Context, f func(SalvagedMessage) error) error {
	return s.reading(func(it *pebble.Iterator) error {
		return s.table(ctx, prefixRecord, func(_, value []byte) error {
			rec, err := decodeRecord(value)
			if err != nil {
				return nil // lost
			}
			id := rec.envelope.ID(s.network.Genesis)
			m := SalvagedMessage{
				Message: s.message(rec, core.Leaf{ID: id, Signature: rec.signature}),
				Local:   rec.flags&flagLocal != 0, AcceptedMS: rec.acceptedMS,
			}
			if err := s.standing(it, &m); err != nil {
				return err
			}
			return f(m)
		})
	})
}

// standing says whether a message waited.
func (s *Salvage) standing(it *pebble.Iterator, m *SalvagedMessage) error {
	var at waitingPointer
	err := s.get(it, hashKey(prefixWaitingID, m.ID), func(value []byte) (err error) {
		at, err = decodeWaitingPointer(value)
		return wrap(err)
	})
	if err == nil {
		m.Waited = true
		err = s.get(it, numberKey(prefixWaiting, at.seq), func(value []byte) error {
			w, err := decodeWaiting(at.seq, value)
			if err == nil && w.ID == m.ID {
				m.Local, m.Again = m.Local || w.Local, w.Again
			}
			return wrap(err)
		})
		return lostIsNone(err)
	}
	if err = lostIsNone(err); err != nil {
		return err
	}
	// The pointer may be what is lost. A message that no block holds can only have waited.
	err = s.get(it, hashKey(prefixIndex, m.ID), func(value []byte) error {
		x, err := decodeIndex(value)
		m.Waited = err == nil && len(x.places) == 0
		return wrap(err)
	})
	if errors.Is(err, chain.ErrNotFound) || errors.Is(err, ErrCorrupt) {
		m.Waited = true
	}
	return lostIsNone(err)
}

// lostIsNone drops the errors that mean that something is lost.
func lostIsNone(err error) error {
	if errors.Is(err, chain.ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}
