package proof

import (
	"errors"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// The header rules of docs/proof-format.md, section 4: what can be seen of a header without its parent,
// and what of two headers of one branch, parent and child or not.

const maxBusyIntervals = 4 // busy_ms is at most this many block intervals

// A placed header is one that knows where in the proof it stands.
type placed struct {
	*core.Header
	part string
	hash core.Hash
}

func place(part string, h *core.Header) placed { return placed{h, part, h.Hash()} }

func (x placed) fault(code, format string, args ...any) *Fault {
	return fault(x.part, code, format, args...)
}

// alone judges a header that is not genesis by itself.
func alone(n *core.Network, x placed) *Fault {
	interval := n.Params.BlockIntervalMS
	busyLow, busyHigh := uint64(1), maxBusyIntervals*interval
	if interval == 0 {
		busyLow = 0
	}
	count, classic := int64(x.MessageCount), n.Params.Pow == core.PowClassic
	switch busy := uint64(x.BusyMS); {
	case x.Height == 0:
		return x.fault(WrongHeight, "0 is the height of genesis alone")
	case count > int64(n.Params.MaxBlockMessages) || classic && count != 1:
		return x.fault(WrongMessageCount, "%d", count)
	case x.Nonce > consensus.MaxNonce:
		return x.fault(WrongNonce, "%d", x.Nonce)
	case x.TimeMS > core.MaxTimeMS:
		return x.fault(WrongTime, "%d ms is after the year 9999", x.TimeMS)
	case busy < busyLow || busy > busyHigh:
		return x.fault(WrongBusy, "%d ms, want %d to %d", busy, busyLow, busyHigh)
	}
	target, err := x.Bits.Target()
	switch {
	case err != nil:
		return x.fault(WrongBits, "%08x are no target", uint32(x.Bits))
	case target.Cmp(n.Floor) > 0:
		return x.fault(WrongBits, "%08x is easier than the network allows", uint32(x.Bits))
	case interval == 0 && x.Bits != n.Header.Bits:
		return x.fault(WrongBits, "%08x, want %08x: the network's target is fixed", uint32(x.Bits), uint32(n.Header.Bits))
	}
	if _, err := target.Work(); err != nil {
		return x.fault(WrongWork, "%v", err)
	}
	if !classic && !target.MetBy(x.hash) {
		return x.fault(NoProofOfWork, "hash %v is above target %v", x.hash, target)
	}
	return nil
}

// after judges a header, which alone found good, on an earlier one of its branch.
func after(n *core.Network, earlier, x placed) *Fault {
	between := x.Height - earlier.Height - 1
	if between == 0 && x.PreviousHash != earlier.hash {
		return x.fault(WrongPreviousHash, "%v, want %v", x.PreviousHash, earlier.hash)
	}
	// Both times are at most MaxTimeMS, so a gap of more blocks than milliseconds ends here.
	if x.TimeMS <= earlier.TimeMS || x.TimeMS-earlier.TimeMS-1 < between {
		return x.fault(WrongTime, "%d ms, %d blocks after %d ms", x.TimeMS, between+1, earlier.TimeMS)
	}
	if gap := x.TimeMS - earlier.TimeMS - between; uint64(x.BusyMS) > gap {
		return x.fault(WrongBusy, "%d ms, at most %d ms passed", x.BusyMS, gap)
	}
	if want := consensus.NextBits(n, earlier.Header); between == 0 && x.Bits != want {
		return x.fault(WrongBits, "%08x, want %08x", uint32(x.Bits), uint32(want))
	}
	least, err := leastWork(n, earlier, x, between)
	exact := between == 0 || n.Params.BlockIntervalMS == 0
	if err != nil || x.Work.Cmp(least) < 0 || exact && x.Work != least {
		return x.fault(WrongWork, "%v, %d blocks after %v", x.Work, between+1, earlier.Work)
	}
	if between > 0 {
		return nil
	}
	if n.Params.Pow == core.PowClassic && !consensus.ClassicMet(consensus.ClassicProof(earlier.Header, x.Nonce), n.Params.Difficulty) {
		return x.fault(NoProofOfWork, "nonce %d does not fit on %d", x.Nonce, earlier.Nonce)
	}
	if want := core.LeafHash(earlier.hash[:]); earlier.Height == 0 && x.HistoryRoot != want {
		return x.fault(WrongHistoryRoot, "%v, want %v", x.HistoryRoot, want)
	}
	return nil
}

// leastWork returns the least total work that a header can have so many blocks after an earlier one.
func leastWork(n *core.Network, earlier, x placed, between uint64) (core.Work, error) {
	floor, err1 := n.Floor.Work()
	own, err2 := ownWork(x.Header)
	onEarlier, err3 := earlier.Work.Add(floor.Mul(between)) // Mul stops at the largest sum, and Add passes it
	sum, err4 := onEarlier.Add(own)
	return sum, errors.Join(err1, err2, err3, err4)
}

// ownWork returns the work of one header by its bits.
func ownWork(h *core.Header) (core.Work, error) {
	target, err := h.Bits.Target()
	if err != nil {
		return core.Work{}, err
	}
	return target.Work()
}
