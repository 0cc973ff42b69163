package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// pieceOverhead is what a block counts for in an Extract besides its messages.
const pieceOverhead = 256

// Pieces reads stored blocks, on the best chain or off it, into memory that is used again and again:
// the way to read much of the chain without a pause for each block, and little of a large block. It
// stops early at a block that is not stored; where that is the first one it is chain.ErrNotFound.
func (s *Store) Pieces(into *chain.Pieces, want chain.Extract) error {
	into.Reset()
	_, err := snapshot(s, func(r reader) (struct{}, error) {
		it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixRecord}, UpperBound: []byte{prefixRecord + 1}})
		if err != nil {
			return struct{}{}, wrap(err)
		}
		sweep := sweep{reader: r, genesis: s.network.Genesis, records: it, into: into, bare: want.Bare, messages: want.Messages, bytes: want.Bytes}
		err = sweep.blocks(want.Blocks, want.From)
		return struct{}{}, errors.Join(err, wrap(it.Close()))
	})
	return err
}

// A sweep reads the messages of several blocks in the order in which they lie on the disk, mostly.
type sweep struct {
	reader
	genesis  core.Hash
	records  *pebble.Iterator
	into     *chain.Pieces
	bare     bool // headers only
	messages int  // how many more
	bytes    int
	next     uint64 // the slot that an iterator step leads to
}

// blocks reads blocks until the limits are reached.
func (w *sweep) blocks(hashes []core.Hash, from int) error {
	for i, hash := range hashes {
		if i > 0 && (w.messages <= 0 || w.bytes <= 0) {
			return nil
		}
		e, err := w.stored(hash)
		if err != nil {
			if i > 0 && errors.Is(err, chain.ErrNotFound) {
				return nil
			}
			return err
		}
		w.into.Begin(hash, &e.Header, from)
		w.bytes -= pieceOverhead
		if w.bare || e.Header.MessageCount == 0 {
			w.messages--
			continue
		}
		err = w.reader.get(blockKey(prefixLeaves, e.Header.Height, hash), func(value []byte) error { return w.leaves(value, from) })
		if err != nil {
			return missing(err, "block %v", hash)
		}
		from = 0
	}
	return nil
}

// leaves reads the messages of a block's leaves from a position on.
func (w *sweep) leaves(value []byte, from int) error {
	if len(value) < 1 || value[0] != valueVersion || (len(value)-1)%keptLeafSize != 0 {
		return errValue
	}
	value = value[min(len(value), 1+from*keptLeafSize):]
	for first := true; len(value) > 0 && (first || w.messages > 0 && w.bytes > 0); first = false {
		leaf := core.DecodeLeaf([core.LeafSize]byte(value))
		if err := w.message(&leaf, binary.BigEndian.Uint64(value[core.LeafSize:])); err != nil {
			return missing(err, "message %v", leaf.ID)
		}
		value = value[keptLeafSize:]
	}
	return nil
}

// message reads the record of a leaf.
func (w *sweep) message(leaf *core.Leaf, slot uint64) error {
	if w.next == slot && slot > 0 {
		w.records.Next()
	} else {
		w.records.SeekGE(numberKey(prefixRecord, slot))
	}
	w.next = slot + 1
	raw, err := recordAt(w.records, slot)
	if err != nil {
		return err
	}
	value, err := w.records.ValueAndErr()
	if err != nil {
		return wrap(err)
	}
	if err := w.into.Add(leaf, raw, firstSeen(value[1], binary.BigEndian.Uint64(value[2:]))); err != nil {
		return fmt.Errorf("%w: %w", err, ErrCorrupt)
	}
	if list := w.into.List; list[len(list)-1].Last().Envelope.ID(w.genesis) != leaf.ID {
		return fmt.Errorf("another message in its slot: %w", ErrCorrupt)
	}
	w.messages--
	w.bytes -= len(raw)
	return nil
}
