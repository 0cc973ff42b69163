package store

import (
	"encoding/binary"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// forgotten is what a store has given up of its bodies, in numbers.
type forgotten struct {
	// epoch counts changes of what is known of bodies: each may change an answer without a new tip.
	epoch    uint64
	erasures uint64 // number of the next one
	// Bodies are pruned up to this height, and of the block above it up to this position.
	pruned   uint64
	position uint32
	bodies   uint64 // that were pruned
	// Records in the slots from tidyFrom up to, but without, tidyTo lost their bodies, which may still be
	// in files of the database.
	tidyFrom, tidyTo uint64
}

func (f forgotten) encode() []byte {
	b := newValue(52)
	for _, n := range []uint64{f.epoch, f.erasures, f.pruned, uint64(f.position), f.bodies, f.tidyFrom, f.tidyTo} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func decodeForgotten(value []byte) (forgotten, error) {
	d := newDecoder(value)
	f := forgotten{epoch: d.u64(), erasures: d.u64(), pruned: d.u64()}
	position := d.u64()
	f.position, f.bodies, f.tidyFrom, f.tidyTo = uint32(position), d.u64(), d.u64(), d.u64()
	if position>>32 != 0 || f.tidyFrom > f.tidyTo {
		return forgotten{}, errValue
	}
	return f, d.done()
}

// covers reports whether a body at this place may be missing because it was pruned.
func (f forgotten) covers(at chain.Place) bool {
	return at.Height <= f.pruned || at.Height == f.pruned+1 && uint64(at.Position) < uint64(f.position)
}

const (
	flagSettled  = 1 << 0 // of an erasure: the body is gone, and is not taken again
	flagByAuthor = 1 << 1 // of an erasure: the author asked for it
)

func encodeErasure(e *chain.Erasure) []byte {
	var flags byte
	if e.Settled {
		flags |= flagSettled
	}
	if e.ByAuthor {
		flags |= flagByAuthor
	}
	b := binary.BigEndian.AppendUint64(append(newValue(81), flags), e.Number)
	b = append(binary.BigEndian.AppendUint64(b, e.TimeMS), e.Author[:]...)
	return append(b, e.Message[:]...)
}

func decodeErasure(id core.Hash, value []byte) (chain.Erasure, error) {
	d := newDecoder(value)
	flags := d.u8()
	e := chain.Erasure{ID: id, Settled: flags&flagSettled != 0, ByAuthor: flags&flagByAuthor != 0, Number: d.u64(), TimeMS: d.u64()}
	e.Author, e.Message = core.PublicKey(d.hash()), d.hash()
	if flags&^(flagSettled|flagByAuthor) != 0 {
		return chain.Erasure{}, errValue
	}
	return e, d.done()
}

// The stages of an erased message.
const (
	stageDue  = 1 // its blocks are not settled yet
	stageTidy = 2 // its body is dropped here, and may still be in files
	// stageTidyDigest is stageTidy for one that was in the index of digests, too.
	stageTidyDigest = 3
)

// An errand is what is left to do for an erased message.
type errand struct {
	stage byte
	slot  uint64 // once it is dropped: where the body was
}

func (e errand) encode() []byte {
	return binary.BigEndian.AppendUint64(append(newValue(9), e.stage), e.slot)
}

func decodeErrand(value []byte) (errand, error) {
	d := newDecoder(value)
	e := errand{d.u8(), d.u64()}
	if e.stage < stageDue || e.stage > stageTidyDigest {
		return errand{}, errValue
	}
	return e, d.done()
}

// A claim is an author's message that asks to forget another one, until it was looked at.
type claim struct {
	timeMS  uint64
	message core.Hash
}

func (c claim) encode() []byte {
	return append(binary.BigEndian.AppendUint64(newValue(8+core.HashSize), c.timeMS), c.message[:]...)
}

func decodeClaim(value []byte) (claim, error) {
	d := newDecoder(value)
	c := claim{d.u64(), d.hash()}
	return c, d.done()
}

// claimKey is where an author's claim on a message is.
func claimKey(target core.Hash, author core.PublicKey) []byte {
	return append(hashKey(prefixClaim, target), author[:]...)
}

func keyClaim(key []byte) (target core.Hash, author core.PublicKey, ok bool) {
	if len(key) != 1+2*core.HashSize {
		return target, author, false
	}
	return core.Hash(key[1:]), core.PublicKey(key[1+core.HashSize:]), true
}

// gapKey is where a missing body is noted, in the order of heights.
func gapKey(at chain.Place) []byte {
	key := binary.BigEndian.AppendUint32(numberKey(prefixGap, at.Height), uint32(at.Position))
	return append(key, at.Block[:]...)
}

func keyGap(key []byte) (chain.Place, bool) {
	if len(key) != 13+core.HashSize {
		return chain.Place{}, false
	}
	return chain.Place{
		Height: binary.BigEndian.Uint64(key[1:]), Position: int(binary.BigEndian.Uint32(key[9:])), Block: core.Hash(key[13:]),
	}, true
}
