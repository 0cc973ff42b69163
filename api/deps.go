package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"net/http"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/mempool"
	"p2pchain/core/proof"
)

// A Chain is what the API reads of the best chain; it is *chain.Chain but for tests.
type Chain interface {
	// Tip returns the last block of the best chain without waiting.
	Tip() chain.Tip
	// BestHeader returns the last header of the best header chain.
	BestHeader() chain.Tip
	// HashAt returns the block of the best chain at a height; chain.ErrNotFound.
	HashAt(height uint64) (core.Hash, error)
	// Header returns a known header, on the best chain or off it; chain.ErrNotFound.
	Header(hash core.Hash) (core.Header, error)
	// Block returns a stored block, on the best chain or off it; chain.ErrNotFound.
	Block(hash core.Hash) (*core.Block, error)
	// Locate returns where the best chain holds a message; chain.ErrNotFound.
	Locate(id core.Hash) (chain.Place, error)
	// UpdatesSince returns what happened to the best chain since from; chain.ErrNotFound where from
	// was forgotten.
	UpdatesSince(from core.Hash, limit int) (chain.Update, error)
	// Subscribe returns a channel that is poked after every change, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// A Pool takes messages in and lists those that wait; it is *mempool.Pool but for tests.
type Pool interface {
	// Add makes messages durable. There is one error for each: nil, mempool.ErrKnown,
	// mempool.ErrFull, a broken rule, or our own fault.
	Add(msgs []*core.Message, from mempool.Origin) []error
	// AddNoted is Add with a note that is stored in the batch of the messages.
	AddNoted(msgs []*core.Message, from mempool.Origin, note mempool.Note) []error
	// Note returns what AddNoted stored under a key for the messages from this number on; chain.ErrNotFound.
	Note(key core.Hash, first int) (mempool.Note, error)
	// Message returns a waiting message; chain.ErrNotFound.
	Message(id core.Hash) (*core.Message, error)
	// List returns up to limit waiting messages with a Seq over after, ascending.
	List(after uint64, limit int) ([]mempool.Waiting, error)
	// Page is List with the tip of the best chain at the same moment.
	Page(after uint64, limit int) (mempool.Page, error)
	// Totals returns how much waits.
	Totals() mempool.Totals
	// Subscribe returns a channel that is poked when messages begin to wait, and what ends this.
	Subscribe() (<-chan struct{}, func())
}

// Messages finds any stored message, waiting or sealed; it is the store but for tests.
type Messages interface {
	// Message returns a stored message, without its body where that was dropped; chain.ErrNotFound.
	Message(id core.Hash) (*core.Message, error)
	// Leaves returns the leaves of a stored block, on the best chain or off it; chain.ErrNotFound.
	Leaves(block core.Hash) ([]core.Leaf, error)
}

// A Miner says how mining goes, and changes it.
type Miner interface {
	Status() Mining
	// Set changes the mode, unless it is empty, and the number of threads, unless it is 0, at once and
	// for as long as the node runs. Errors wrap ErrMining or ErrMiningHere; nothing has changed then.
	Set(mode string, threads int) error
}

var (
	// ErrMining means that there is no such mode or that the number of threads is out of bounds.
	ErrMining = errors.New("mining cannot be set to that")
	// ErrMiningHere means that the mode exists, but not on this network.
	ErrMiningHere = errors.New("this network does not allow that way of mining")
)

// A Host is the node among its peers. None of its methods but Connect and Vote waits.
type Host interface {
	// ID returns the node's peer id.
	ID() string
	// Addrs returns the multiaddrs under which peers reach the node, each with /p2p/ and its id.
	Addrs() []string
	// Peers returns the peers past hello, in any order.
	Peers() []Peer
	// Connect dials a multiaddr with a /p2p/ part and says hello. Errors may wrap ErrAddress or
	// ErrOtherNetwork; any other means that the peer could not be reached.
	Connect(ctx context.Context, addr string) error
	// Disconnect ends the connections to a peer. Errors may wrap ErrAddress where id is none, and
	// ErrNoPeer where it is not connected.
	Disconnect(id string) error
	// Vote asks every peer past hello once whether it would take the message. No answer in time is
	// a no.
	Vote(ctx context.Context, m *core.Message) (yes, asked int)
	// Sync says how far the node is behind its peers.
	Sync() Sync
	// Links says how the node is tied into its network.
	Links() Links
}

var (
	// ErrAddress means that a text is not the address of a peer.
	ErrAddress = errors.New("not a peer's address")
	// ErrOtherNetwork means that a peer is on another network.
	ErrOtherNetwork = errors.New("peer is on another network")
	// ErrNoPeer means that the node is not connected to a peer.
	ErrNoPeer = errors.New("no such peer")
)

// Deps are the parts of the node that the API stands on. All are needed, but for those that say otherwise.
type Deps struct {
	Network  *core.Network
	Key      ed25519.PrivateKey // signs what users add
	Chain    Chain
	Pool     Pool
	Messages Messages
	Archive  Archive
	Branches Branches
	Miner    Miner
	Host     Host

	// Erasures are the messages whose payloads are not shown; nil: there are none.
	Erasures Erasures
	// Erase erases one; nil: there is no such route.
	Erase Eraser
	// Forgetting says what was forgotten; nil: nothing ever is.
	Forgetting func() Forgetting
	// Invite returns what others join with. An error means that nobody can say yet where the node is.
	Invite func() (Invite, error)
	// ClockSkew returns our clock minus the median of the peers' clocks, false without peers. May be nil.
	ClockSkew func() (time.Duration, bool)
	// Ready says why the node cannot take messages now, nil if it can. May be nil itself.
	Ready func() error
	// Live says why the node is stuck, nil while it works. May be nil itself.
	Live func() error
	// Backup writes a consistent backup of the node's store; nil: there is no such route.
	Backup func(context.Context, io.Writer) error
	// Proofs is what proofs of messages are made from; nil: there is no such route.
	Proofs proof.Source
	// Metrics and Profiles answer GET /metrics and /debug/pprof/; nil: there are no such routes.
	Metrics, Profiles http.Handler
	// Pages answers GET / and /ui/, and other unknown paths for who wants HTML; nil: there are no pages. It
	// gets requests with the rights of whoever asks.
	Pages http.Handler
	// Import takes in the blocks of a chain file of this network, and tells progress now and then what
	// is done. Errors about the file are *chainfile.LineError; what was taken in before one stays. Nil:
	// there is no such route.
	Import func(ctx context.Context, file *chainfile.Reader, progress func(Imported)) (Imported, error)
}

// validate names every part that is missing.
func (d *Deps) validate() error {
	var errs []error
	need := func(name string, missing bool) {
		if missing {
			errs = append(errs, errors.New("api: Deps."+name+" is not set"))
		}
	}
	need("Network", d.Network == nil)
	need("Key", len(d.Key) != ed25519.PrivateKeySize)
	need("Chain", d.Chain == nil)
	need("Pool", d.Pool == nil)
	need("Messages", d.Messages == nil)
	need("Archive", d.Archive == nil)
	need("Branches", d.Branches == nil)
	need("Miner", d.Miner == nil)
	need("Host", d.Host == nil)
	need("Invite", d.Invite == nil)
	return errors.Join(errs...)
}

// author returns the public half of the node's key.
func (d *Deps) author() core.PublicKey {
	return core.PublicKey(d.Key.Public().(ed25519.PublicKey))
}
