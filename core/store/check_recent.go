package store

import (
	"fmt"

	"p2pchain/core"
	"p2pchain/core/chain"
)

const (
	// recentBlocks and recentMessages bound the walk at the start. It takes some 30 ms.
	recentBlocks   = 64
	recentMessages = 4096
)

// checkRecent walks the last blocks and the first waiting messages, down to the hashes, as Check does for
// all. Whatever was cut off, or written last before a power loss, is there.
func (s *Store) checkRecent() error {
	r := reader{s.db}
	left, hash := recentMessages, s.tip.hash
	for height := s.tip.height; height > 0 && s.tip.height-height < recentBlocks && left > 0; height-- {
		n, parent, err := s.checkBlock(r, height, hash)
		if err != nil {
			return missing(err, "block %v at height %d", hash, height)
		}
		left, hash = left-n, parent
	}
	return s.checkFirstWaiting(r)
}

// checkBlock looks at a block of the best chain, and returns its number of messages and its parent.
func (s *Store) checkBlock(r reader, height uint64, hash core.Hash) (int, core.Hash, error) {
	at, err := r.hashAt(height)
	if err != nil {
		return 0, hash, err
	}
	e, err := r.stored(hash)
	if err != nil {
		return 0, hash, err
	}
	history, err := r.frontier(height - 1)
	if err != nil {
		return 0, hash, missing(err, "history tree at height %d", height-1)
	}
	kept, err := r.leaves(hash)
	if err != nil {
		return 0, hash, missing(err, "leaves")
	}
	if at != hash || e.Header.Hash() != hash || e.Header.Height != height ||
		e.Header.HistoryRoot != history.Root() || e.Header.MessageRoot != rootOf(kept) {
		return 0, hash, fmt.Errorf("header, heights, history and leaves do not fit: %w", ErrCorrupt)
	}
	for i := range kept {
		if err := s.checkMessage(r, kept[i].ID, kept[i].slot, chain.Place{Block: hash, Height: height, Position: i}); err != nil {
			return 0, hash, fmt.Errorf("message %v: %w", kept[i].ID, err)
		}
	}
	return len(kept), e.Header.PreviousHash, nil
}

// checkMessage looks at a message in a slot and, where it has one, at its place.
func (s *Store) checkMessage(r reader, id core.Hash, slot uint64, place chain.Place) error {
	rec, err := r.record(slot)
	if err != nil {
		return missing(err, "record %d", slot)
	}
	x, err := r.index(id)
	if err != nil {
		return missing(err, "index")
	}
	placed := place.Block == core.Hash{}
	for _, p := range x.places {
		placed = placed || p == place
	}
	m := core.Message{ID: id, Envelope: rec.envelope, Body: rec.body}
	if rec.envelope.ID(s.network.Genesis) != id || x.slot != slot || !placed {
		return fmt.Errorf("record, index and block do not fit: %w", ErrCorrupt)
	}
	if err := m.CheckBody(); err != nil {
		return fmt.Errorf("%w: %w", err, ErrCorrupt)
	}
	return nil
}

// checkFirstWaiting looks at the messages that wait longest.
func (s *Store) checkFirstWaiting(r reader) error {
	left := recentMessages
	return r.table(prefixWaiting, func(key, value []byte) error {
		seq, _ := keyNumber(key) // its form was looked at when they were counted
		w, err := decodeWaiting(seq, value)
		if err != nil {
			return err
		}
		x, err := r.index(w.ID)
		if err == nil {
			err = s.checkMessage(r, w.ID, x.slot, chain.Place{})
		}
		if err != nil {
			return missing(err, "waiting message %v", w.ID)
		}
		if left--; left == 0 {
			return errStop
		}
		return nil
	})
}
