package consensus

import (
	"crypto/sha256"
	"fmt"
	"strconv"

	"p2pchain/core"
)

// retargetWindow is the weight of the past in NextBits, in blocks: a sudden change of the network's
// speed is answered by a factor of e in about as many blocks.
const retargetWindow = 60

// NextBits returns the bits of every child of a block: the parent's where the network's block
// interval T is 0, else
//
//	compact(min(floor, ⌊target(parent) · (59·T + parent's busy_ms) / (60·T)⌋))
//
// It looks at the parent alone and counts only the time in which miners had something to seal. For
// a parent whose bits are no target it returns 0, which no block can have.
func NextBits(n *core.Network, parent *core.Header) core.Bits {
	interval := n.Params.BlockIntervalMS
	if interval == 0 {
		return parent.Bits
	}
	target, err := parent.Bits.Target()
	if err != nil {
		return 0
	}
	next := target.Scale((retargetWindow-1)*interval+uint64(parent.BusyMS), retargetWindow*interval)
	if next.Cmp(n.Floor) > 0 {
		next = n.Floor
	}
	return next.Bits()
}

// CheckPow judges the proof of work alone, by the target that the header claims; a target easier
// than the network's floor is ErrBits. Proofs of kind "header" need no parent, which may be nil;
// those of kind "classic" stand on the parent's, and without it are ErrParentUnknown.
func CheckPow(n *core.Network, parent, h *core.Header) error {
	target, err := h.Bits.Target()
	if err != nil {
		return fmt.Errorf("%w: %w", err, ErrBits)
	}
	if target.Cmp(n.Floor) > 0 {
		return fmt.Errorf("%08x is easier than the network's floor: %w", uint32(h.Bits), ErrBits)
	}
	if n.Params.Pow == core.PowClassic {
		return checkClassic(n, parent, h)
	}
	if hash := h.Hash(); !target.MetBy(hash) {
		return fmt.Errorf("%v over %v: %w", hash, target, ErrHashAboveTarget)
	}
	return nil
}

func checkClassic(n *core.Network, parent, h *core.Header) error {
	if parent == nil {
		return ErrParentUnknown
	}
	if hash := ClassicProof(parent, h.Nonce); !ClassicMet(hash, n.Params.Difficulty) {
		return fmt.Errorf("%v does not end with %d zeros: %w", hash, n.Params.Difficulty, ErrHashAboveTarget)
	}
	return nil
}

// ClassicProof returns what seed 1 hashes: SHA-256(decimal(previous proof) ‖ decimal(proof)), where
// the proof of genesis reads "None". It binds no data, so anybody can rewrite blocks for nothing.
func ClassicProof(parent *core.Header, proof uint64) core.Hash {
	var buf [2 * 20]byte // two decimal numbers of 64 bits
	return sha256.Sum256(strconv.AppendUint(appendPrevious(buf[:0], parent), proof, 10))
}

func appendPrevious(dst []byte, parent *core.Header) []byte {
	if parent.Height == 0 {
		return append(dst, "None"...)
	}
	return strconv.AppendUint(dst, parent.Nonce, 10)
}

// ClassicMet reports whether a hash ends with this many zero hex digits, at most 64.
func ClassicMet(hash core.Hash, digits int) bool {
	for i := range digits {
		b := hash[len(hash)-1-i/2]
		if i%2 == 0 && b&0x0f != 0 || i%2 == 1 && b&0xf0 != 0 {
			return false
		}
	}
	return true
}
