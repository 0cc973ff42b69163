package mempool

import (
	"errors"

	"p2pchain/core/consensus"
)

var (
	// ErrKnown means that a message waits already or is sealed on the best chain. It is harmless;
	// for a local message it also says that the message is durable.
	ErrKnown = consensus.NewRefusal("message is known already", consensus.Undecided)
	// ErrFull means that there is no room: the waiting messages fill the disk space given to them,
	// or a peer or an author would hold more of it than its share.
	ErrFull = consensus.NewRefusal("too many messages waiting", consensus.Undecided)
)

// errBehind means that the chain moved during every look at it: our fault, and not for long.
var errBehind = errors.New("the chain moves faster than the pool can follow")
