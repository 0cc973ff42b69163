package mempool

import "p2pchain/core"

// A Store keeps the waiting messages. It is safe for concurrent use. Its chain half moves messages
// out of the waiting ones, and back, in the batch that connects or reverts their block.
type Store interface {
	// Accept stores messages that are new in one synced batch: on return they are durable, and so
	// are those that waited already. There is one result for each message, in order; an error means
	// that none was accepted. Local messages are those that this node answers for.
	Accept(msgs []*core.Message, local bool, nowMS uint64) ([]AcceptResult, error)
	// Lookup returns what Accept would say about a message of this id, and changes nothing. What is
	// found waiting may not be durable yet.
	Lookup(id core.Hash) (AcceptResult, error)
	// Waiting returns up to max waiting messages with a Seq over after, ascending, and the best
	// chain's tip at which they wait: both from one snapshot.
	Waiting(after uint64, max int) (Page, error)
	// Message returns any stored message with its body, waiting or not; chain.ErrNotFound.
	Message(id core.Hash) (*core.Message, error)
	// Leaves returns the leaves of a stored block; chain.ErrNotFound.
	Leaves(block core.Hash) ([]core.Leaf, error)
	// WaitingTotals returns the number of waiting messages and the sum of their sizes. It never
	// waits: every Add asks under its lock.
	WaitingTotals() (count int, bytes int64)
}

// An AcceptResult says where a message stands for a Store.
type AcceptResult uint8

// The results of Accept and Lookup.
const (
	Accepted       AcceptResult = iota // it was unknown; after Accept it waits
	AlreadyWaiting                     // it waits for a block
	AlreadySealed                      // a block of the best chain holds it
)

// A Waiting message is an entry of the list of waiting messages.
type Waiting struct {
	Seq        uint64 // rises with each acceptance, from 1; a message that a reorg gave back has a new one
	ID         core.Hash
	Size       int    // core.Message.Size
	Local      bool   // this node answers for it: it was accepted from a user of ours
	Again      bool   // a reorg gave it back
	AcceptedMS uint64 // when it began to wait, by our clock
}

// A Page is a part of the list of waiting messages.
type Page struct {
	Tip      core.Hash // the best chain's last block in the snapshot that was read
	Messages []Waiting
}
