package consensus

import (
	"fmt"

	"p2pchain/core"
)

const (
	// MaxFutureMS is how far ahead of our clock a block's time may be before we hold it back.
	MaxFutureMS = 120_000
	// MaxNonce is the largest nonce: the largest integer that every JSON reader keeps exact.
	MaxNonce = 1<<53 - 1

	maxBusyIntervals = 4 // busy_ms is at most this many block intervals
)

// CheckHeader judges a header on its parent, which was judged before and has the hash parentHash.
// History is the tree over the blocks 0 … parent; one of another size is our own fault. Cheap rules
// come first, then the proof of work, so that hashing is asked of nobody who did none.
func CheckHeader(n *core.Network, parent *core.Header, parentHash core.Hash, history core.Frontier, h *core.Header) error {
	if history.Size() != parent.Height+1 {
		return fmt.Errorf("history of %d blocks with a parent of height %d", history.Size(), parent.Height)
	}
	if parent.Height+1 == 0 || h.Height != parent.Height+1 {
		return fmt.Errorf("height %d on %d: %w", h.Height, parent.Height, ErrHeight)
	}
	if h.PreviousHash != parentHash {
		return fmt.Errorf("%v on %v: %w", h.PreviousHash, parentHash, ErrPrevious)
	}
	if err := checkCount(n, h); err != nil {
		return err
	}
	if h.Nonce > MaxNonce {
		return fmt.Errorf("%d: %w", h.Nonce, ErrNonce)
	}
	if err := checkTime(n, parent, h); err != nil {
		return err
	}
	if want := NextBits(n, parent); h.Bits != want {
		return fmt.Errorf("%08x, want %08x: %w", uint32(h.Bits), uint32(want), ErrBits)
	}
	if err := checkWork(parent, h); err != nil {
		return err
	}
	if err := CheckPow(n, parent, h); err != nil {
		return err
	}
	if root := history.Root(); h.HistoryRoot != root {
		return fmt.Errorf("%v, want %v: %w", h.HistoryRoot, root, ErrHistoryRoot)
	}
	return nil
}

func checkCount(n *core.Network, h *core.Header) error {
	classic := n.Params.Pow == core.PowClassic // seed 1 seals exactly one
	if uint64(h.MessageCount) > uint64(n.Params.MaxBlockMessages) || classic && h.MessageCount != 1 {
		return fmt.Errorf("%d messages: %w", h.MessageCount, ErrMessageCount)
	}
	return nil
}

// checkTime judges time_ms and busy_ms.
func checkTime(n *core.Network, parent, h *core.Header) error {
	if h.TimeMS <= parent.TimeMS {
		return fmt.Errorf("%d on %d: %w", h.TimeMS, parent.TimeMS, ErrTimeNotAfterParent)
	}
	if h.TimeMS > core.MaxTimeMS {
		return fmt.Errorf("%d: %w", h.TimeMS, ErrTimeRange)
	}
	busy, interval := uint64(h.BusyMS), n.Params.BlockIntervalMS
	low, high := uint64(1), min(maxBusyIntervals*interval, h.TimeMS-parent.TimeMS)
	if interval == 0 {
		low, high = 0, 0
	}
	if busy < low || busy > high {
		return fmt.Errorf("%d ms, want %d to %d: %w", busy, low, high, ErrBusy)
	}
	return nil
}

func checkWork(parent, h *core.Header) error {
	want, err := ChildWork(parent, h.Bits)
	if err != nil {
		return err
	}
	if h.Work != want {
		return fmt.Errorf("%v, want %v: %w", h.Work, want, ErrWork)
	}
	return nil
}

// ChildWork returns the work of a block with these bits on its parent: the parent's plus
// ⌊2²⁵⁶ / (target + 1)⌋. Bits that are no target are ErrBits, a sum of 2¹²⁸ or more is ErrWork.
func ChildWork(parent *core.Header, bits core.Bits) (core.Work, error) {
	target, err := bits.Target()
	if err != nil {
		return core.Work{}, fmt.Errorf("%w: %w", err, ErrBits)
	}
	own, err := target.Work()
	if err != nil {
		return core.Work{}, fmt.Errorf("%w: %w", err, ErrWork)
	}
	sum, err := parent.Work.Add(own)
	if err != nil {
		return core.Work{}, fmt.Errorf("%w: %w", err, ErrWork)
	}
	return sum, nil
}

// CheckClock returns ErrTimeInFuture for a block whose time is more than MaxFutureMS ahead of our
// clock. That is no rule of the chain: clocks differ, so the block is held until it is due.
func CheckClock(h *core.Header, nowMS uint64) error {
	if h.TimeMS > nowMS && h.TimeMS-nowMS > MaxFutureMS {
		return fmt.Errorf("%d ms ahead: %w", h.TimeMS-nowMS, ErrTimeInFuture)
	}
	return nil
}

// Better reports whether tip a is better than tip b: more work, or as much and the lower hash as
// bytes, so that an idle network agrees at once without another block.
func Better(aWork core.Work, aHash core.Hash, bWork core.Work, bHash core.Hash) bool {
	if c := aWork.Cmp(bWork); c != 0 {
		return c > 0
	}
	return aHash.Compare(bHash) < 0
}
