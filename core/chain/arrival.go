package chain

import "p2pchain/core"

// An Arrival is a stored message with its place in the order in which messages came to this store. It
// orders and resumes lists; another store, or one that was restored, has other numbers.
type Arrival struct {
	ID     core.Hash
	Number uint64
}
