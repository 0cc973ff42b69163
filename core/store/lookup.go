package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// Seen returns how a stored message first came; chain.ErrNotFound.
func (s *Store) Seen(id core.Hash) (chain.FirstSeen, error) {
	return snapshot(s, func(r reader) (chain.FirstSeen, error) {
		x, err := r.index(id)
		if err != nil {
			return chain.FirstSeen{}, err
		}
		rec, err := r.record(x.slot)
		if err != nil {
			return chain.FirstSeen{}, missing(err, "record of message %v", id)
		}
		return firstSeen(rec.flags, rec.acceptedMS), nil
	})
}

func firstSeen(flags uint8, acceptedMS uint64) chain.FirstSeen {
	return chain.FirstSeen{MS: acceptedMS, Local: flags&flagLocal != 0}
}

// WaitingBefore returns up to limit waiting messages with a Seq below before, newest first.
func (s *Store) WaitingBefore(before uint64, limit int) ([]mempool.Waiting, error) {
	return single(s, func(r reader) ([]mempool.Waiting, error) {
		var out []mempool.Waiting
		err := r.back(prefixWaiting, before, limit, func(seq uint64, value []byte) error {
			w, err := decodeWaiting(seq, value)
			out = append(out, w)
			return err
		})
		return out, err
	})
}

// ReorgsBefore returns up to limit reorgs with a number below before, newest first.
func (s *Store) ReorgsBefore(before uint64, limit int) ([]chain.PastReorg, error) {
	return single(s, func(r reader) ([]chain.PastReorg, error) {
		var out []chain.PastReorg
		err := r.back(prefixReorg, before, limit, func(number uint64, value []byte) error {
			record, err := decodeReorg(value)
			out = append(out, chain.PastReorg{Number: number, ReorgRecord: record})
			return err
		})
		return out, err
	})
}

// back calls f with the entries of a table of numbers below before, highest first, at most limit.
func (r reader) back(prefix byte, before uint64, limit int, f func(n uint64, value []byte) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: numberKey(prefix, before)})
	if err != nil {
		return wrap(err)
	}
	for ok := it.Last(); ok && limit > 0 && err == nil; ok, limit = it.Prev(), limit-1 {
		n, isNumber := keyNumber(it.Key())
		value, valueErr := it.ValueAndErr()
		switch {
		case !isNumber:
			err = errValue
		case valueErr != nil:
			err = valueErr
		default:
			err = f(n, value)
		}
		if err != nil {
			err = fmt.Errorf("key %x: %w", it.Key(), wrap(err))
		}
	}
	return errors.Join(err, wrap(it.Close()))
}

// Condemned returns the entries of condemned blocks in the order of their hashes, at most limit.
func (s *Store) Condemned(limit int) ([]chain.Entry, error) {
	return single(s, func(r reader) ([]chain.Entry, error) {
		var out []chain.Entry
		err := r.table(prefixCondemned, func(key, value []byte) error {
			if len(out) >= limit {
				return errStop
			}
			hash, ok := keyHash(key)
			if !ok {
				return errValue
			}
			e, err := decodeEntry(hash, true, value)
			out = append(out, e)
			return err
		})
		return out, err
	})
}

// BlocksNamed returns stored blocks, on the best chain or off it, whose hash begins with these hex
// digits: at most limit, in the order of hashes.
func (s *Store) BlocksNamed(digits string, limit int) ([]core.Hash, error) {
	return s.named(prefixEntry, digits, limit)
}

// MessagesNamed returns stored messages, waiting or in any block, whose id begins with these hex
// digits: at most limit, in the order of ids.
func (s *Store) MessagesNamed(digits string, limit int) ([]core.Hash, error) {
	return s.named(prefixIndex, digits, limit)
}

// named returns the hashes of a table that begin with these hex digits; none for other characters.
func (s *Store) named(prefix byte, digits string, limit int) ([]core.Hash, error) {
	from, to, ok := hexRange(prefix, digits)
	if !ok {
		return nil, nil
	}
	return single(s, func(r reader) ([]core.Hash, error) {
		var out []core.Hash
		err := r.scan(from, to, func(key, _ []byte) error {
			if len(out) >= limit {
				return errStop
			}
			hash, ok := keyHash(key)
			if !ok {
				return errValue
			}
			out = append(out, hash)
			return nil
		})
		return out, err
	})
}

// hexRange returns the keys of a prefix from those that begin with some hex digits up to the first that
// does not.
func hexRange(prefix byte, digits string) (from, to []byte, ok bool) {
	if len(digits) > 2*core.HashSize {
		return nil, nil, false
	}
	odd := len(digits)%2 == 1
	low, high := digits, digits
	if odd {
		low, high = digits+"0", digits+"f"
	}
	lowBytes, err1 := hex.DecodeString(low)
	highBytes, err2 := hex.DecodeString(high)
	if err1 != nil || err2 != nil {
		return nil, nil, false
	}
	from, to = append([]byte{prefix}, lowBytes...), append([]byte{prefix}, highBytes...)
	to = append(to, bytes.Repeat([]byte{0xff}, 1+core.HashSize-len(to))...)
	return from, append(to, 0), true // one byte more than any key has: the last one is inside
}
