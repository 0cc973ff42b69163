package chain

import (
	"errors"

	"p2pchain/core"
)

// ErrNotFound means that a block, a height or a message is not stored here.
var ErrNotFound = errors.New("not found")

// A Store keeps blocks and which of them are the best chain. Its only writer is Chain; everything
// that it returns is the caller's to keep. Missing things are ErrNotFound; any other error is our
// own fault and leaves the store as it was.
type Store interface {
	Blocks
	// Tip returns the hash of the best chain's last block; genesis in a new store.
	Tip() (core.Hash, error)
	// Sides calls f for every stored block that is off the best chain, in any order.
	Sides(f func(Entry) error) error
	// HashAt returns the best chain's block at a height.
	HashAt(height uint64) (core.Hash, error)
	// Frontier returns the history tree over the best chain's blocks 0 … height, both included.
	Frontier(height uint64) (core.Frontier, error)
	// Places returns, for each of the messages, every stored block that holds it, on the best chain or
	// off it.
	Places(ids ...core.Hash) ([][]Place, error)
	// Commit makes a change durable: all of it or, after an error or a crash, nothing.
	Commit(Change) error
}

// Blocks are what a Store has of single blocks and messages, on the best chain or off it.
type Blocks interface {
	// Entry returns what is kept of a stored or condemned block.
	Entry(hash core.Hash) (Entry, error)
	// Raw returns a stored block; erased bodies are missing.
	Raw(hash core.Hash) (*core.RawBlock, error)
	// Leaves returns the leaves of a stored block.
	Leaves(block core.Hash) ([]core.Leaf, error)
	// Message returns any stored message, waiting or in a block, with any signature of its author; an
	// erased body is nil.
	Message(id core.Hash) (*core.Message, error)
}

// An Entry is what a store keeps of a block besides its messages.
type Entry struct {
	Hash      core.Hash
	Header    core.Header
	SeenMS    uint64 // when this node first saw the header
	Condemned string // the broken rule in words; such a block has no messages stored
}

// A Place says where a message is sealed.
type Place struct {
	Block    core.Hash
	Height   uint64
	Position int // among the block's messages, from 0
}

// A Change is one step of the chain. The steps apply in the order of the fields. A store moves the
// waiting messages along in the same batch: those of Apply wait no longer, those of Revert that no
// block of Apply holds wait again.
type Change struct {
	Store   []Stored     // new blocks
	Revert  []core.Hash  // blocks that leave the best chain, tip first
	Apply   []core.Hash  // blocks that join it, ascending; stored before or by this change
	Forget  []core.Hash  // side blocks to delete with all that only they held
	Condemn []Entry      // blocks that broke a rule, and their descendants
	Reorg   *ReorgRecord // for the history of reorgs, where Revert is not empty
}

// A Stored block is a validated block on its way to the store.
type Stored struct {
	Hash   core.Hash
	SeenMS uint64
	Block  *core.Block
}

// A ReorgRecord is what is kept of a reorg for ever.
type ReorgRecord struct {
	TimeMS   uint64    `json:"time_ms"` // by our clock
	OldTip   core.Hash `json:"old_tip"`
	NewTip   core.Hash `json:"new_tip"`
	Fork     core.Hash `json:"fork"`     // the last common block
	Reverted int       `json:"reverted"` // blocks
	Applied  int       `json:"applied"`  // blocks
	// Returned is how many messages of the reverted blocks wait again, since no applied one holds them.
	// The store counts them; -1 stands for a record of a program that did not.
	Returned int `json:"returned"`
}

// A PastReorg is a ReorgRecord in the order in which they happened.
type PastReorg struct {
	Number uint64 // from 0
	ReorgRecord
}
