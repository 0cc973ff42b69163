package mempool

import (
	"time"

	"p2pchain/core"
)

// A Store keeps the waiting messages. It is safe for concurrent use. Its chain half moves messages
// out of the waiting ones, and back, in the batch that connects or reverts their block.
type Store interface {
	// Accept stores messages that are new in one synced batch: on return they are durable, and so
	// are those that waited already. There is one result for each message, in order; an error means
	// that none was accepted. Local messages are those that this node answers for.
	Accept(msgs []*core.Message, local bool, nowMS uint64) ([]AcceptResult, error)
	// AcceptOwn is Accept for local messages of which more is known.
	AcceptOwn(msgs []*core.Message, nowMS uint64, own Own) ([]AcceptResult, error)
	// Note returns the note of this key whose first message has this number, if it is not older than
	// NoteAge; chain.ErrNotFound.
	Note(key core.Hash, first int, nowMS uint64) (Note, error)
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
	Refused                            // only in a note: nothing was stored, and what was said is found out anew
)

// Own says more about messages of our own users.
type Own struct {
	// Made says that this node made the messages a moment ago, with random numbers in each, so that
	// nobody can know them: they are not looked up.
	Made bool
	// Notes are stored in the batch of the messages, each with what became of them.
	Notes []*Note
}

// NoteAge is for how long a note counts.
const NoteAge = 24 * time.Hour

// A Note says what a request, or a part of one, did, so that who sends it again can be told the same
// without doing it twice. It is for the messages that the request gave us in one piece.
type Note struct {
	Key   core.Hash // SHA-256 of what the user calls the request
	First int       // number of the first of the messages in the request, from 0
	Print core.Hash // SHA-256 of the request up to the end of this part
	Last  bool      // the request ends here

	AtMS     uint64        // when it was stored, by our clock
	Messages []NotedResult // one for each message of the part
}

// A NotedResult is what became of a message.
type NotedResult struct {
	ID     core.Hash
	Result AcceptResult
}

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
