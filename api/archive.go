package api

import (
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

// An Archive is what the API reads of all that is stored, waiting, on the best chain or off it; it is
// the store but for tests.
type Archive interface {
	// Pieces reads stored blocks piece by piece; chain.ErrNotFound where the first is not stored.
	Pieces(into *chain.Pieces, want chain.Extract) error
	// Seen returns how a stored message first came; chain.ErrNotFound.
	Seen(id core.Hash) (chain.FirstSeen, error)
	// WaitingBefore returns up to limit waiting messages with a Seq below before, newest first.
	WaitingBefore(before uint64, limit int) ([]mempool.Waiting, error)
	// ReorgsBefore returns up to limit reorgs with a number below before, newest first.
	ReorgsBefore(before uint64, limit int) ([]chain.PastReorg, error)
	// Condemned returns the entries of condemned blocks, at most limit.
	Condemned(limit int) ([]chain.Entry, error)
	// BlocksNamed and MessagesNamed return the hashes of stored blocks, and the ids of stored messages,
	// that begin with some hex digits, at most limit, in their order.
	BlocksNamed(digits string, limit int) ([]core.Hash, error)
	MessagesNamed(digits string, limit int) ([]core.Hash, error)
	// WithDigest returns stored messages that notarise the file or the manifest with this SHA-256, with a
	// Number below before: at most limit, those that came last first.
	WithDigest(digest core.Hash, before uint64, limit int) ([]chain.Arrival, error)
}

// Branches are what is known of the chain besides the best one; it is *chain.Chain but for tests.
type Branches interface {
	// Forks returns the ends of all remembered branches off the best chain, most work first.
	Forks() []chain.Fork
	// BranchesOf returns for each block the end of the branch that it is on, the tip for one of the
	// best chain and zeros for one that is not known.
	BranchesOf(blocks ...core.Hash) []core.Hash
}
