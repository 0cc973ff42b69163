package store

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/document"
)

// prunePage is how many messages lose their bodies under the lock at a time: some milliseconds.
const prunePage = 512

// Pruned says which bodies a store has given up because they were old.
type Pruned struct {
	Height uint64 // the last block of which all bodies were given up; 0 for none
	Bodies uint64 // how many were
}

// Pruned returns which bodies were given up because they were old.
func (s *Store) Pruned() Pruned { return Pruned{s.pruned.Load(), s.prunedBodies.Load()} }

// Prune drops bodies of the best chain's blocks in the order of heights, up to a height, which is cut to
// the last settled block: of the next few hundred messages, so that nobody waits for long. It reports
// whether there is more to drop. Headers, leaves, envelopes and signatures stay, and so do erasures: they
// are how nodes to come learn what to forget. What is remembered is one height.
//
// Doing it again after a crash goes on where it was. The files shrink when Tidy was called.
func (s *Store) Prune(height uint64) (more bool, err error) {
	_, err = s.forgetting(func(w *write) (int, error) {
		more, err = w.prune(height)
		return 0, err
	})
	if err != nil {
		return false, fmt.Errorf("pruning bodies below height %d: %w", height, err)
	}
	return more, nil
}

func (w *write) prune(height uint64) (more bool, err error) {
	if tip := w.store.tip.height; height+settledDepth > tip {
		height = max(tip, settledDepth) - settledDepth
	}
	f := &w.forgotten
	for left := prunePage; f.pruned < height; {
		if left <= 0 {
			return true, nil
		}
		at := chain.Place{Height: f.pruned + 1, Position: int(f.position)}
		if at.Block, err = w.hashAt(at.Height); err != nil {
			return false, missing(err, "height %d", at.Height)
		}
		done, whole, err := w.pruneBlock(at, left)
		if err != nil {
			return false, fmt.Errorf("block %v at height %d: %w", at.Block, at.Height, err)
		}
		left -= max(1, done)
		f.epoch++
		f.position += uint32(done)
		if whole {
			f.pruned, f.position = at.Height, 0
		}
	}
	return false, nil
}

// pruneBlock drops the bodies of up to limit messages of a block, from a place on. It returns how many it
// looked at, and whether the block has no more.
func (w *write) pruneBlock(from chain.Place, limit int) (done int, whole bool, err error) {
	leaves, err := w.leavesAt(from.Height, from.Block)
	if err != nil {
		return 0, false, missing(err, "leaves")
	}
	leaves = leaves[min(from.Position, len(leaves)):]
	whole = len(leaves) <= limit
	leaves = leaves[:min(limit, len(leaves))]
	after := w.forgotten
	after.position += uint32(len(leaves))
	ids := make([]core.Hash, len(leaves))
	for i := range leaves {
		ids[i] = leaves[i].ID
	}
	known, err := w.indexes(ids)
	if err != nil {
		return 0, false, err
	}
	for i, x := range known {
		if x == nil {
			return 0, false, missing(chain.ErrNotFound, "index of message %v", ids[i])
		}
		if err := w.pruneMessage(ids[i], x, after); err != nil {
			return 0, false, fmt.Errorf("message %v: %w", ids[i], err)
		}
	}
	return len(leaves), whole, w.closeSideGaps(from.Height, after)
}

// pruneMessage drops a body that no place asks for which is not covered afterwards.
func (w *write) pruneMessage(id core.Hash, x *index, after forgotten) error {
	for _, at := range x.places {
		if !after.covers(at) {
			return w.closeCovered(x, after)
		}
	}
	waits, err := w.has(hashKey(prefixWaitingID, id))
	if err != nil || waits {
		return err
	}
	if x.flags&flagNoBody != 0 {
		return w.closeGaps(id, x)
	}
	rec, err := w.record(x.slot)
	if err != nil {
		return missing(err, "record")
	}
	if rec.envelope.MediaType == document.EraseType {
		return nil
	}
	w.forgotten.bodies++
	w.untidy(x.slot)
	_, err = w.dropBody(id, x)
	return err
}

// closeCovered closes those gaps of a message that count as pruned afterwards.
func (w *write) closeCovered(x *index, after forgotten) error {
	for _, at := range x.places {
		if after.covers(at) {
			if err := w.closeGap(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeSideGaps closes the gaps of side blocks at a height that count as pruned afterwards.
func (w *write) closeSideGaps(height uint64, after forgotten) error {
	if w.store.gaps.Load() == 0 {
		return nil
	}
	var covered []chain.Place
	err := w.scan(numberKey(prefixGap, height), numberKey(prefixGap, height+1), func(key, _ []byte) error {
		at, ok := keyGap(key)
		if !ok {
			return errValue
		}
		if after.covers(at) {
			covered = append(covered, at)
		}
		return nil
	})
	for _, at := range covered {
		err = errors.Join(err, w.closeGap(at))
	}
	return err
}

// untidy notes that the body in a slot may still be in files.
func (w *write) untidy(slot uint64) {
	f := &w.forgotten
	if f.tidyFrom == f.tidyTo {
		f.tidyFrom, f.tidyTo = slot, slot+1
		return
	}
	f.tidyFrom, f.tidyTo = min(f.tidyFrom, slot), max(f.tidyTo, slot+1)
}

// rangeOf are the bounds of a table.
func rangeOf(prefix byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: []byte{prefix}, UpperBound: []byte{prefix + 1}}
}

// Bodies are what a store counts of them.
type Bodies struct {
	Erased uint64 // messages
	Due    int64  // of them, whose bodies are still here, or may still be in files
	Gaps   int64  // places without a body that nobody erased or pruned, off the best chain, too
}

// Bodies returns the counters.
func (s *Store) Bodies() Bodies { return Bodies{s.erasures.Load(), s.errands.Load(), s.gaps.Load()} }
