package chain

import "p2pchain/core"

// An Erasure says that a message's payload is not to be kept here any more. The message's envelope,
// signature and place stay; its body is hidden at once, and dropped when all its blocks are settled.
type Erasure struct {
	ID       core.Hash
	TimeMS   uint64 // when this node learned of it, by its clock
	ByAuthor bool   // else by the operator of this node
	Author   core.PublicKey
	Message  core.Hash // the author's message that asks for it; zeros where there is none
	Settled  bool      // the body is gone from the store
	Gone     bool      // and nothing of it is left in files of this node; only what a store gives back has it
	Number   uint64    // in the order in which this node learned of them, from 0; set by the store
}

// A Gap is a body that is missing on the best chain although nobody erased it and this node did not choose
// to drop it.
type Gap struct {
	ID core.Hash
	Place
}
