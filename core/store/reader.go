package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"
	"github.com/transparency-dev/merkle/rfc6962"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// A reader reads typed values: from the database, from a snapshot of it, or from a batch on top of
// it. What it returns holds no bytes of Pebble's.
type reader struct{ pebble.Reader }

// get calls decode with the value of a key; ErrNotFound. The value is Pebble's own memory and ends
// with the call.
func (r reader) get(key []byte, decode func([]byte) error) error {
	value, closer, err := r.Get(key)
	if err != nil {
		return wrap(err)
	}
	defer closer.Close()
	if err := decode(value); err != nil {
		return fmt.Errorf("key %x: %w", key, wrap(err))
	}
	return nil
}

// has reports whether a key is there.
func (r reader) has(key []byte) (bool, error) {
	err := r.get(key, func([]byte) error { return nil })
	if errors.Is(err, chain.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// get is reader.get for a decoder that returns what it read.
func get[T any](r reader, key []byte, decode func([]byte) (T, error)) (T, error) {
	var out T
	err := r.get(key, func(value []byte) (err error) {
		out, err = decode(value)
		return err
	})
	return out, err
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// scan calls f with every key from from up to, but without, to, in order, until f returns errStop.
func (r reader) scan(from, to []byte, f func(key, value []byte) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return wrap(err)
	}
	for ok := it.First(); ok && err == nil; ok = it.Next() {
		var value []byte
		if value, err = it.ValueAndErr(); err == nil {
			err = f(it.Key(), value)
		}
		if err != nil && !errors.Is(err, errStop) {
			err = fmt.Errorf("key %x: %w", it.Key(), wrap(err))
		}
	}
	closeErr := wrap(it.Close()) // also what ended the iteration, if it was not the last key
	if err != nil && !errors.Is(err, errStop) {
		return err
	}
	return closeErr
}

// table calls f with every key of a prefix.
func (r reader) table(prefix byte, f func(key, value []byte) error) error {
	return r.scan([]byte{prefix}, []byte{prefix + 1}, f)
}

// lastKey returns the last key of a table, and false for an empty one.
func (r reader) lastKey(prefix byte) (key []byte, ok bool, err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}})
	if err != nil {
		return nil, false, wrap(err)
	}
	if ok = it.Last(); ok {
		key = bytes.Clone(it.Key())
	}
	return key, ok, wrap(it.Close())
}

// last returns the number in the last key of a table of numbers, and false for an empty one.
func (r reader) last(prefix byte) (n uint64, ok bool, err error) {
	key, ok, err := r.lastKey(prefix)
	if ok {
		n, ok = keyNumber(key)
	}
	return n, ok, err
}

func (r reader) tip() (tip, error) { return get(r, []byte{prefixTip}, decodeTip) }

// stored returns the entry of a stored block, ErrNotFound for a condemned one.
func (r reader) stored(hash core.Hash) (chain.Entry, error) {
	return get(r, hashKey(prefixEntry, hash), func(value []byte) (chain.Entry, error) {
		return decodeEntry(hash, false, value)
	})
}

func (r reader) condemned(hash core.Hash) (chain.Entry, error) {
	return get(r, hashKey(prefixCondemned, hash), func(value []byte) (chain.Entry, error) {
		return decodeEntry(hash, true, value)
	})
}

func (r reader) hashAt(height uint64) (core.Hash, error) {
	return get(r, numberKey(prefixHeight, height), decodeHash)
}

// leaves returns the leaves of a stored block; ErrNotFound.
func (r reader) leaves(block core.Hash) ([]keptLeaf, error) {
	e, err := r.stored(block)
	if err != nil {
		return nil, err
	}
	return r.leavesAt(e.Header.Height, block)
}

func (r reader) leavesAt(height uint64, block core.Hash) ([]keptLeaf, error) {
	return get(r, blockKey(prefixLeaves, height, block), decodeLeaves)
}

func (r reader) record(slot uint64) (*record, error) {
	return get(r, numberKey(prefixRecord, slot), decodeRecord)
}

func (r reader) index(id core.Hash) (index, error) {
	return get(r, hashKey(prefixIndex, id), decodeIndex)
}

// places returns none for a message that is in no stored block.
func (r reader) places(id core.Hash) ([]chain.Place, error) {
	x, err := r.index(id)
	if errors.Is(err, chain.ErrNotFound) {
		return nil, nil
	}
	return x.places, err
}

func (r reader) waitingPointer(id core.Hash) (waitingPointer, error) {
	return get(r, hashKey(prefixWaitingID, id), decodeWaitingPointer)
}

func (r reader) waiting(seq uint64) (mempool.Waiting, error) {
	return get(r, numberKey(prefixWaiting, seq), func(value []byte) (mempool.Waiting, error) {
		return decodeWaiting(seq, value)
	})
}

// sealed returns where the best chain holds a message; ErrNotFound.
func (r reader) sealed(id core.Hash) (chain.Place, error) {
	places, err := r.places(id)
	if err != nil {
		return chain.Place{}, err
	}
	for _, p := range places {
		at, err := r.hashAt(p.Height)
		if err == nil && at == p.Block {
			return p, nil
		}
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			return chain.Place{}, err
		}
	}
	return chain.Place{}, chain.ErrNotFound
}

// message returns a stored message with its body, if that is here. The signature is that of the
// message's record.
func (r reader) message(id core.Hash) (*core.Message, error) {
	x, err := r.index(id)
	if err != nil {
		return nil, err
	}
	rec, err := r.record(x.slot)
	if err != nil {
		return nil, missing(err, "record of message %v", id)
	}
	return &core.Message{ID: id, Envelope: rec.envelope, Signature: rec.signature, Body: rec.body}, nil
}

// missing turns ErrNotFound for what must be there into ErrCorrupt.
func missing(err error, format string, args ...any) error {
	if errors.Is(err, chain.ErrNotFound) {
		err = fmt.Errorf("not found: %w", ErrCorrupt)
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// frontier returns the history tree over the blocks 0 … height: one node for each bit of its size.
func (r reader) frontier(height uint64) (core.Frontier, error) {
	size := height + 1
	var peaks []core.Hash
	for rest := size; rest > 0; {
		level := bits.Len64(rest) - 1
		rest -= 1 << level
		node, err := r.historyNode(level, (size-rest)>>level-1)
		if err != nil {
			return core.Frontier{}, err
		}
		peaks = append(peaks, node)
	}
	return core.NewFrontier(size, peaks)
}

// historyNode returns the root of the full subtree of 2^level blocks that starts at index·2^level.
func (r reader) historyNode(level int, index uint64) (core.Hash, error) {
	if level > 0 {
		return get(r, historyKey(level, index), decodeHash)
	}
	hash, err := r.hashAt(index)
	return core.LeafHash(hash[:]), err
}

// completed returns the nodes of the history tree, from level 1 up, that the block at this height
// completes, where peaks are those of the tree before it. These nodes come and go with the block.
func completed(peaks []core.Hash, height uint64, block core.Hash) []core.Hash {
	node := core.LeafHash(block[:])
	nodes := make([]core.Hash, bits.TrailingZeros64(^height))
	for i := range nodes {
		left := peaks[len(peaks)-1-i]
		node = core.Hash(rfc6962.DefaultHasher.HashChildren(left[:], node[:]))
		nodes[i] = node
	}
	return nodes
}
