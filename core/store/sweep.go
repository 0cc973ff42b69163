package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// seekAll looks many hashes of a table up and calls found for those that are there. The ids of new
// messages are not: for these the filters of all levels are asked, those of the last one too, which
// Pebble's Get leaves out, and in the order of the keys.
func (r reader) seekAll(prefix byte, hashes []core.Hash, found func(i int, value []byte) error) error {
	order := make([]int, len(hashes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return hashes[a].Compare(hashes[b]) })
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}, UseL6Filters: true})
	if err != nil {
		return wrap(err)
	}
	key := hashKey(prefix, core.Hash{})
	for _, i := range order {
		copy(key[1:], hashes[i][:])
		if !it.SeekPrefixGE(key) || !bytes.Equal(it.Key(), key) {
			if it.Error() != nil {
				break
			}
			continue
		}
		value, valueErr := it.ValueAndErr()
		if err = valueErr; err == nil {
			err = found(i, value)
		}
		if err != nil {
			err = fmt.Errorf("key %x: %w", key, wrap(err))
			break
		}
	}
	return errors.Join(err, wrap(it.Close()))
}

// indexes returns the index entries of many messages; those that are not stored have none.
func (r reader) indexes(ids []core.Hash) ([]*index, error) {
	out := make([]*index, len(ids))
	err := r.seekAll(prefixIndex, ids, func(i int, value []byte) error {
		x, err := decodeIndex(value)
		out[i] = &x
		return err
	})
	return out, err
}

// raw returns a stored block as it travels. An author may sign one envelope twice, so the signatures
// are those that the block commits to, not those of the records.
func (r reader) raw(hash core.Hash) (*core.RawBlock, error) {
	entry, err := r.stored(hash)
	if err != nil {
		return nil, err
	}
	leaves, err := r.leavesAt(entry.Header.Height, hash)
	if err != nil {
		return nil, missing(err, "leaves of block %v", hash)
	}
	b := &core.RawBlock{Header: entry.Header}
	if len(leaves) == 0 {
		return b, nil
	}
	b.Messages = make([][]byte, len(leaves))
	if err := r.fill(b.Messages, leaves); err != nil {
		return nil, fmt.Errorf("block %v: %w", hash, err)
	}
	return b, nil
}

// arenaBytes is for how many bytes of messages at a time memory is taken.
const arenaBytes = 256 << 10

// fill reads the messages of leaves. Their slots mostly follow each other.
func (r reader) fill(out [][]byte, leaves []keptLeaf) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefixRecord}, UpperBound: []byte{prefixRecord + 1}})
	if err != nil {
		return wrap(err)
	}
	var arena []byte
	for i := range leaves {
		if i > 0 && leaves[i].slot == leaves[i-1].slot+1 {
			it.Next()
		} else {
			it.SeekGE(numberKey(prefixRecord, leaves[i].slot))
		}
		var message []byte
		if message, err = recordAt(it, leaves[i].slot); err != nil {
			err = missing(err, "message %v", leaves[i].ID)
			break
		}
		if len(arena)+len(message) > cap(arena) {
			arena = make([]byte, 0, max(len(message), min(arenaBytes, (len(leaves)-i)*len(message))))
		}
		from := len(arena)
		arena = append(arena, message...)
		out[i] = arena[from:len(arena):len(arena)]
		if err = core.Resign(out[i], leaves[i].Signature); err != nil {
			err = fmt.Errorf("message %v: %w: %w", leaves[i].ID, err, ErrCorrupt)
			break
		}
	}
	return errors.Join(err, wrap(it.Close()))
}

// recordAt returns the message of the record at which an iterator stands.
func recordAt(it *pebble.Iterator, slot uint64) ([]byte, error) {
	if !it.Valid() {
		return nil, cmp.Or(wrap(it.Error()), chain.ErrNotFound)
	}
	if at, ok := keyNumber(it.Key()); !ok || at != slot {
		return nil, chain.ErrNotFound
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return nil, wrap(err)
	}
	message, err := recordMessage(value)
	return message, wrap(err)
}
