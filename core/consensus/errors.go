package consensus

import (
	"errors"
	"fmt"

	"p2pchain/core"
)

// A Class says what an error means for whoever sent the bytes.
type Class uint8

// The classes of errors. The zero Class belongs to no error.
const (
	Broken    Class = iota + 1 // a rule is broken: reject it and lower the sender's score
	Undecided                  // we cannot judge yet: ignore it and fetch what is missing
	Fault                      // we failed: ignore it and log
)

// String returns the name of the class.
func (c Class) String() string {
	switch c {
	case Broken:
		return "broken rule"
	case Undecided:
		return "cannot judge yet"
	case Fault:
		return "our fault"
	}
	return "no error"
}

// Rules for a header on its parent. Broken by a block of any content.
var (
	// ErrHeight means that the height is not the parent's plus one.
	ErrHeight = brokenError("height is not the parent's plus one")
	// ErrPrevious means that previous_hash is not the hash of the parent.
	ErrPrevious = brokenError("previous hash is not the parent's")
	// ErrBits means that the compact target is not the one that NextBits gives, or is none at all.
	ErrBits = brokenError("wrong bits")
	// ErrHashAboveTarget means that the proof of work, of either kind, is not met.
	ErrHashAboveTarget = brokenError("hash above target")
	// ErrTimeNotAfterParent means that the time is not later than the parent's.
	ErrTimeNotAfterParent = brokenError("time not after the parent's")
	// ErrTimeRange means that the time is after the year 9999.
	ErrTimeRange = brokenError("time after the year 9999")
	// ErrBusy means that busy_ms is not within 1 and min(4·T, time since the parent), or not 0
	// where T is 0.
	ErrBusy = brokenError("busy time out of range")
	// ErrWork means that work is not the parent's plus that of the target, below 2¹²⁸.
	ErrWork = brokenError("wrong work")
	// ErrMessageCount means that a block has more messages than the network allows (on a classic
	// one: not exactly one), or another number than its header says.
	ErrMessageCount = brokenError("wrong number of messages")
	// ErrNonce means that the nonce is 2⁵³ or more, which a JSON number would not hold.
	ErrNonce = brokenError("nonce of 2⁵³ or more")
	// ErrHistoryRoot means that history_root is not the root over all earlier block hashes.
	ErrHistoryRoot = brokenError("wrong history root")
)

// Rules for a block's messages.
var (
	// ErrBlockSize means that the block is larger than max_block_bytes. Dropped bodies count.
	ErrBlockSize = brokenError("block too large")
	// ErrPayloadSize means that a payload is larger than max_payload_bytes.
	ErrPayloadSize = brokenError("payload too large")
	// ErrAuthor means that the author is not among those of the network.
	ErrAuthor = brokenError("author may not write here")
	// ErrStamp means that the id has too few leading zero bits.
	ErrStamp = brokenError("stamp missing")
	// ErrSignature means that the signature is not the author's over the id.
	ErrSignature = brokenError("bad signature")
	// ErrDuplicate means that a message stands twice on a branch.
	ErrDuplicate = brokenError("message twice on the branch")
)

// Faults of the sender that say nothing about the block.
var (
	// ErrMessageRoot means that the leaves are not those that the header commits to.
	ErrMessageRoot = senderError("leaves do not give the message root")
	// ErrMessageID means that an envelope does not give the id that stands with it on this network.
	ErrMessageID = senderError("envelope does not give the id")
)

// What may be resolved by waiting or asking.
var (
	// ErrParentUnknown means that the rules need a parent that is not here.
	ErrParentUnknown = undecidedError("parent unknown")
	// ErrTimeInFuture means that the time is more than MaxFutureMS ahead of our clock.
	ErrTimeInFuture = undecidedError("time too far ahead of our clock")
	// ErrBodyMissing means that a block that is not settled lacks a body.
	ErrBodyMissing = undecidedError("body missing")
)

// A verdict is a sentinel that knows what it means, so that no table beside it can go stale.
type verdict struct {
	text     string
	class    Class
	condemns bool
}

func (v *verdict) Error() string { return v.text }

func brokenError(text string) error    { return &verdict{text, Broken, true} }
func senderError(text string) error    { return &verdict{text, Broken, false} }
func undecidedError(text string) error { return &verdict{text, Undecided, false} }

// NewRefusal returns a sentinel for what another package refuses by a policy of its own. It has a
// class, and never condemns a block.
func NewRefusal(text string, class Class) error { return &verdict{text, class, false} }

// ClassOf returns the class of an error by the sentinel that it wraps; an error without one is a
// Fault, and nil has no class.
func ClassOf(err error) Class {
	if err == nil {
		return 0
	}
	if v, ok := errors.AsType[*verdict](err); ok {
		return v.class
	}
	if errors.Is(err, core.ErrMalformed) || errors.Is(err, core.ErrBodyMismatch) {
		return Broken
	}
	return Fault
}

// Condemns reports whether an error about a block, from CheckHeader or CheckBlock, makes it and all
// its descendants invalid for ever. It is false where only the sender of the bytes is at fault:
// other bytes may well be those of the same block.
func Condemns(err error) bool {
	v, ok := errors.AsType[*verdict](err)
	return ok && v.condemns
}

// A RuleError says that a block broke a consensus rule; errors.Is finds which one.
type RuleError struct {
	Block core.Hash
	Rule  error // wraps one of this package's sentinels
}

// Error names the block and the rule.
func (e *RuleError) Error() string { return fmt.Sprintf("block %v: %v", e.Block, e.Rule) }

// Unwrap returns the rule.
func (e *RuleError) Unwrap() error { return e.Rule }

// A MessageError says which of several messages broke a rule; errors.Is finds which one.
type MessageError struct {
	Index int // among the messages that were checked, from 0
	ID    core.Hash
	Rule  error // wraps one of this package's sentinels
}

// Error names the message and the rule.
func (e *MessageError) Error() string {
	return fmt.Sprintf("message %d (%v): %v", e.Index, e.ID, e.Rule)
}

// Unwrap returns the rule.
func (e *MessageError) Unwrap() error { return e.Rule }
