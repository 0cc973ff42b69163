package store

import (
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// single returns what f reads, for an f that reads one key.
func single[T any](s *Store, f func(reader) (T, error)) (T, error) {
	var out T
	err := s.read(func(r reader) (err error) {
		out, err = f(r)
		return err
	})
	return out, err
}

// snapshot returns what f reads, for an f that reads several keys: all as of one moment.
func snapshot[T any](s *Store, f func(reader) (T, error)) (T, error) {
	return single(s, func(r reader) (T, error) {
		if r.Reader != pebble.Reader(s.db) {
			return f(r) // a long change is under way, and this is the snapshot before it
		}
		snap := s.db.NewSnapshot()
		defer snap.Close()
		return f(reader{snap})
	})
}

// Tip implements chain.Store.
func (s *Store) Tip() (core.Hash, error) {
	t, err := single(s, reader.tip)
	return t.hash, err
}

// Entry implements chain.Store.
func (s *Store) Entry(hash core.Hash) (chain.Entry, error) {
	return snapshot(s, func(r reader) (chain.Entry, error) {
		e, err := r.stored(hash)
		if errors.Is(err, chain.ErrNotFound) && s.anyCondemned.Load() {
			return r.condemned(hash)
		}
		return e, err
	})
}

// Sides implements chain.Store.
func (s *Store) Sides(f func(chain.Entry) error) error {
	sides, err := snapshot(s, reader.sides)
	if err != nil {
		return err
	}
	for _, e := range sides {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// sides returns the entries of all side blocks. The chain bounds their number.
func (r reader) sides() ([]chain.Entry, error) {
	var sides []chain.Entry
	err := r.table(prefixSide, func(key, _ []byte) error {
		hash, ok := keyHash(key)
		if !ok {
			return errValue
		}
		e, err := r.stored(hash)
		if err != nil {
			return missing(err, "entry of side block %v", hash)
		}
		sides = append(sides, e)
		return nil
	})
	return sides, err
}

// HashAt implements chain.Store.
func (s *Store) HashAt(height uint64) (core.Hash, error) {
	return single(s, func(r reader) (core.Hash, error) { return r.hashAt(height) })
}

// Frontier implements chain.Store. It reads one node for each bit of the number of blocks.
func (s *Store) Frontier(height uint64) (core.Frontier, error) {
	return snapshot(s, func(r reader) (core.Frontier, error) {
		if _, err := r.hashAt(height); err != nil {
			return core.Frontier{}, err
		}
		f, err := r.frontier(height)
		if err != nil {
			return core.Frontier{}, missing(err, "history tree at height %d", height)
		}
		return f, nil
	})
}

// Raw implements chain.Store.
func (s *Store) Raw(hash core.Hash) (*core.RawBlock, error) {
	return snapshot(s, func(r reader) (*core.RawBlock, error) { return r.raw(hash) })
}

// Places implements chain.Store: none, without an error, for a message that no stored block holds.
func (s *Store) Places(ids ...core.Hash) ([][]chain.Place, error) {
	out := make([][]chain.Place, len(ids))
	found, err := single(s, func(r reader) ([]*index, error) { return r.indexes(ids) })
	for i, x := range found {
		if x != nil {
			out[i] = x.places
		}
	}
	return out, err
}

// Sealed returns where the best chain holds a message; chain.ErrNotFound.
func (s *Store) Sealed(id core.Hash) (chain.Place, error) {
	return snapshot(s, func(r reader) (chain.Place, error) { return r.sealed(id) })
}

// Reorgs returns the last reorgs, at most limit, newest first.
func (s *Store) Reorgs(limit int) ([]chain.ReorgRecord, error) {
	past, err := s.ReorgsBefore(math.MaxUint64, limit)
	var out []chain.ReorgRecord
	for i := range past {
		out = append(out, past[i].ReorgRecord)
	}
	return out, err
}

// Leaves implements mempool.Store: of a stored block, on the best chain or off it.
func (s *Store) Leaves(block core.Hash) ([]core.Leaf, error) {
	kept, err := snapshot(s, func(r reader) ([]keptLeaf, error) { return r.leaves(block) })
	leaves := make([]core.Leaf, len(kept))
	for i := range kept {
		leaves[i] = kept[i].Leaf
	}
	return leaves, err
}

// Message implements mempool.Store: any message, waiting or in a stored block; its body is nil where
// that was dropped.
func (s *Store) Message(id core.Hash) (*core.Message, error) {
	return snapshot(s, func(r reader) (*core.Message, error) { return r.message(id) })
}

// Lookup implements mempool.Store.
func (s *Store) Lookup(id core.Hash) (mempool.AcceptResult, error) {
	return snapshot(s, func(r reader) (mempool.AcceptResult, error) {
		if s.erasures.Load() > 0 {
			if refused, err := r.refuses(id); err != nil || refused {
				return mempool.AlreadySealed, err
			}
		}
		known, err := r.has(hashKey(prefixIndex, id))
		if err != nil || !known {
			return mempool.Accepted, err
		}
		result, _, err := r.standing(id)
		return result, err
	})
}

// standing says where a message that has a record stands, and for a waiting one where it waits.
func (r reader) standing(id core.Hash) (mempool.AcceptResult, waitingPointer, error) {
	p, err := r.waitingPointer(id)
	if err == nil {
		return mempool.AlreadyWaiting, p, nil
	}
	if !errors.Is(err, chain.ErrNotFound) {
		return 0, p, err
	}
	switch _, err := r.sealed(id); {
	case err == nil:
		return mempool.AlreadySealed, p, nil
	case errors.Is(err, chain.ErrNotFound):
		return mempool.Accepted, p, nil // only a side block has it
	default:
		return 0, p, err
	}
}

// Waiting implements mempool.Store.
func (s *Store) Waiting(after uint64, limit int) (mempool.Page, error) {
	return snapshot(s, func(r reader) (mempool.Page, error) {
		t, err := r.tip()
		page := mempool.Page{Tip: t.hash}
		if err != nil || limit <= 0 || after == math.MaxUint64 {
			return page, err
		}
		err = r.scan(numberKey(prefixWaiting, after+1), []byte{prefixWaiting + 1}, func(key, value []byte) error {
			seq, ok := keyNumber(key)
			if !ok {
				return errValue
			}
			w, err := decodeWaiting(seq, value)
			if err != nil {
				return err
			}
			page.Messages = append(page.Messages, w)
			if len(page.Messages) == limit {
				return errStop
			}
			return nil
		})
		return page, err
	})
}

// WaitingTotals implements mempool.Store.
func (s *Store) WaitingTotals() (count int, bytes int64) {
	return int(s.waitingCount.Load()), s.waitingBytes.Load()
}
