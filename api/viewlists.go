package api

import "p2pchain/core"

// A MessagePage is a part of the list of messages: those that wait, newest first, and then those on the
// best chain, from its tip down. A message that was sealed while the list was read may come twice, as
// waiting and as confirmed, but none is left out unless Reorged says so.
type MessagePage struct {
	Messages []Message `json:"messages"`
	// Next is the cursor of the next page, empty on the last one. A page may end early, even empty: after
	// a number of messages that were looked at, or of bytes.
	Next string `json:"next,omitempty"`
	// Reorged says that the block where this page was to go on left the best chain meanwhile. The page
	// begins at the same height of the branch that took its place, and messages may wait again.
	Reorged  bool `json:"reorged"`
	LookedAt int  `json:"looked_at"` // messages, and blocks without any
}

// A HeaderPage is a part of the list of the best chain's headers, lowest first.
type HeaderPage struct {
	Headers []Block `json:"headers"`
	Next    string  `json:"next,omitempty"` // cursor of the next page, empty at the tip
	// Reorged says that the block above which this page was to begin left the best chain meanwhile. It
	// begins on top of the last block that both branches share.
	Reorged bool `json:"reorged"`
}

// The statuses of a Tip.
const (
	TipBest      = "best"      // the end of the best chain
	TipSide      = "side"      // its blocks are stored and valid, but have less work
	TipHeaders   = "headers"   // its headers are valid, its blocks are not all here
	TipCondemned = "condemned" // it broke a rule, or builds on a block that did
)

// A Tip is the end of a branch.
type Tip struct {
	TipInfo
	Status string     `json:"status"`
	Length int        `json:"length"`           // blocks that the best chain does not have
	Fork   *BlockName `json:"fork,omitempty"`   // the last block that the best chain has; absent for the best one, or if forgotten
	Reason string     `json:"reason,omitempty"` // the rule that was broken
	Peers  []string   `json:"peers"`            // ids of those whose tip is on this branch, as far as it is on no better one
}

// A BlockName names a block of a known height.
type BlockName struct {
	Hash   core.Hash `json:"hash"`
	Height uint64    `json:"height"`
}

// A TipList is the answer of /api/v1/tips: the best one, the others by their work, the condemned ones by
// the time that they were first seen, latest first.
type TipList struct {
	Tips []Tip `json:"tips"`
	// Elsewhere are the ids of peers whose tip is not known here.
	Elsewhere []string `json:"elsewhere"`
	// More says that there are tips that are not listed: those of the least work, or the earliest.
	More bool `json:"more"`
}

// A Reorg is an entry of the history of reorgs.
type Reorg struct {
	Number     uint64    `json:"number"` // from 1
	Time       Time      `json:"time"`   // by this node's clock
	OldTip     core.Hash `json:"old_tip"`
	NewTip     core.Hash `json:"new_tip"`
	Fork       core.Hash `json:"fork"` // the last block that both branches have
	ForkHeight *uint64   `json:"fork_height,omitempty"`
	Reverted   int       `json:"reverted"` // blocks that left the best chain
	Applied    int       `json:"applied"`  // blocks that joined it
	// Returned is how many messages went back to waiting, null if it was not counted.
	Returned *int `json:"returned"`
}

// A ReorgPage is a part of the history of reorgs, newest first.
type ReorgPage struct {
	Reorgs []Reorg `json:"reorgs"`
	Next   string  `json:"next,omitempty"` // cursor of the next page
}

// A SearchResult is what a search found: the blocks and messages that it names, and then messages with
// all of its words.
type SearchResult struct {
	Query    string    `json:"query"`
	Blocks   []Block   `json:"blocks"`
	Messages []Message `json:"messages"`
	// Next is where the list of messages with this text goes on: its cursor, empty if nothing is left.
	Next     string `json:"next,omitempty"`
	LookedAt int    `json:"looked_at"` // messages that were searched for the words
}
