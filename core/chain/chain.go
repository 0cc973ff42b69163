package chain

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A Tip is the last block of a chain of headers, with what its next header must commit to.
type Tip struct {
	Hash    core.Hash
	Header  core.Header
	History core.Frontier // over blocks 0 … Header.Height, both included
}

// Config holds what a node may choose about its chain.
type Config struct {
	Now func() time.Time // for first-seen times and the limit on future block times
	Log *slog.Logger

	// Verified, if set, remembers signatures that were checked before their block came.
	Verified *consensus.Verified

	// Erased, if set, reports whether the body of a message is to be taken from nobody: it was erased here
	// for good, or its author asked for that. A block needs none of it, settled or not. It is called
	// without a lock.
	Erased func(m *core.Message) bool
	// Honour, if set, takes note of signed messages by which authors ask to erase others, which Erased knows
	// from then on; nil: authors' wishes count for nothing. See Excuse.
	Honour func(asks []*core.Message) error

	// MaxAhead is how many headers a branch may run ahead of its stored blocks. It bounds what a
	// peer can make us remember, at about 350 bytes a header. On networks with the classic proof of
	// work, whose headers cost nothing, it is at most 1,024.
	MaxAhead int
	// MaxSide is how many headers off the best header chain are remembered, least work out first.
	MaxSide int
}

// DefaultConfig returns the usual limits and the wall clock.
func DefaultConfig() Config {
	return Config{Now: time.Now, Log: slog.Default(), MaxAhead: 16384, MaxSide: 10000}
}

// Validate names every field that cannot be used.
func (c *Config) Validate() error {
	var errs []error
	if c.Now == nil {
		errs = append(errs, errors.New("chain: Now is not set"))
	}
	if c.Log == nil {
		errs = append(errs, errors.New("chain: Log is not set"))
	}
	if c.MaxAhead < 1 || c.MaxSide < 1 {
		errs = append(errs, errors.New("chain: MaxAhead and MaxSide must be at least 1"))
	}
	return errors.Join(errs...)
}

const (
	maxAheadClassic = 1024
	sideBlocks      = 144 // side branches may be this many tip blocks of work behind
	settledDepth    = 6
	settledAge      = time.Hour
	pruneEvery      = 64 // connected blocks between two looks for old side branches

	asideTime = 10 * time.Minute // for which a branch without blocks does not count
)

// A Chain keeps the best chain of one network. It is safe for concurrent use.
type Chain struct {
	network *core.Network
	store   Store
	cfg     Config
	tip     atomic.Pointer[Tip]

	// writing orders all changes of tree and store. It is held over disk writes, never over a call
	// to anything else; readers of the tip do not take it.
	writing    sync.Mutex
	tree       tree
	connected  int       // blocks since the last prune
	asideSince time.Time // when a branch was last set aside; zero where none is

	followers followers
	counters  counters
}

// Open reads the tip and the side branches of a store. The store must be one of this network.
func Open(n *core.Network, store Store, cfg Config) (*Chain, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if n.Params.Pow == core.PowClassic {
		cfg.MaxAhead = min(cfg.MaxAhead, maxAheadClassic)
	}
	c := &Chain{network: n, store: store, cfg: cfg, tree: newTree()}
	hash, err := store.Tip()
	if err != nil {
		return nil, fmt.Errorf("reading the tip: %w", err)
	}
	tip, err := c.connectedTip(hash)
	if err != nil {
		return nil, err
	}
	c.tip.Store(tip)
	if err := c.loadSides(); err != nil {
		return nil, fmt.Errorf("reading side branches: %w", err)
	}
	c.tree.chooseBest(tip)
	return c, nil
}

// connectedTip reads what is needed to build on a block of the best chain.
func (c *Chain) connectedTip(hash core.Hash) (*Tip, error) {
	entry, err := c.store.Entry(hash)
	if err != nil {
		return nil, fmt.Errorf("reading block %v: %w", hash, err)
	}
	history, err := c.store.Frontier(entry.Header.Height)
	if err != nil {
		return nil, fmt.Errorf("reading the history at height %d: %w", entry.Header.Height, err)
	}
	return &Tip{Hash: hash, Header: entry.Header, History: history}, nil
}

// Network returns the network whose chain this is.
func (c *Chain) Network() *core.Network { return c.network }

// Tip returns the last block of the best chain. It never waits.
func (c *Chain) Tip() Tip { return *c.tip.Load() }

// BestHeader returns the last header of the best header chain: the tip, or a better valid header
// whose blocks are not all here yet. It may have less work than the tip where its branch is proven
// to go on to more: see AddHeaders.
func (c *Chain) BestHeader() Tip {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.tree.best == nil {
		return c.Tip()
	}
	return c.tree.best.tip()
}

// A State says what is known of a block.
type State uint8

// The states of a block.
const (
	Unknown    State = iota
	HeaderOnly       // a valid header, no messages yet
	SideBlock        // stored and valid, off the best chain
	Connected        // on the best chain
	Condemned        // it or an ancestor broke a rule
)

// State returns what is known of a block. A store that cannot be read counts as Unknown.
func (c *Chain) State(hash core.Hash) State {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.state(hash)
}

func (c *Chain) state(hash core.Hash) State {
	if n := c.tree.nodes[hash]; n != nil {
		if n.stored {
			return SideBlock
		}
		return HeaderOnly
	}
	entry, err := c.store.Entry(hash)
	if err != nil {
		return Unknown
	}
	if entry.Condemned != "" {
		return Condemned
	}
	if c.isConnected(hash, entry.Header.Height) {
		return Connected
	}
	return SideBlock
}

func (c *Chain) isConnected(hash core.Hash, height uint64) bool {
	at, err := c.store.HashAt(height)
	return err == nil && at == hash
}

// Header returns a header of the best chain, of a side branch, or ahead of the tip; ErrNotFound.
func (c *Chain) Header(hash core.Hash) (core.Header, error) {
	c.writing.Lock()
	n := c.tree.nodes[hash]
	c.writing.Unlock()
	if n != nil {
		return n.header, nil
	}
	entry, err := c.store.Entry(hash)
	if err == nil && entry.Condemned != "" {
		return core.Header{}, fmt.Errorf("block %v is condemned: %w", hash, ErrNotFound)
	}
	return entry.Header, err
}

// HashAt returns the block of the best chain at a height; ErrNotFound.
func (c *Chain) HashAt(height uint64) (core.Hash, error) { return c.store.HashAt(height) }

// Block returns a stored block, on the best chain or off it; ErrNotFound. Erased bodies are nil.
func (c *Chain) Block(hash core.Hash) (*core.Block, error) {
	raw, err := c.store.Raw(hash)
	if err != nil {
		return nil, err
	}
	b, err := raw.Decode(c.network.Genesis)
	if err != nil {
		return nil, fmt.Errorf("stored block %v: %w", hash, err)
	}
	return b, nil
}

// Raw is Block for those who only pass it on.
func (c *Chain) Raw(hash core.Hash) (*core.RawBlock, error) { return c.store.Raw(hash) }

// Leaves returns the leaves of a stored block, on the best chain or off it; ErrNotFound.
func (c *Chain) Leaves(block core.Hash) ([]core.Leaf, error) { return c.store.Leaves(block) }

// Message returns the message of a leaf, if the node has it in any place: it waits, or is in a block
// that is stored; ErrNotFound. It has the leaf's signature, which was judged only if the leaf is that
// of a stored block; its body may be nil.
func (c *Chain) Message(leaf core.Leaf) (*core.Message, error) {
	m, err := c.store.Message(leaf.ID)
	if err != nil {
		return nil, err
	}
	signed := *m
	signed.Signature = leaf.Signature // its author may have signed it more than once
	return &signed, nil
}

// Find returns any stored message, waiting or in a block, with any signature of its author; ErrNotFound.
func (c *Chain) Find(id core.Hash) (*core.Message, error) { return c.store.Message(id) }

// Locate returns where the best chain holds a message; ErrNotFound.
func (c *Chain) Locate(id core.Hash) (Place, error) {
	places, err := c.store.Places(id)
	if err != nil {
		return Place{}, err
	}
	for _, p := range places[0] {
		if c.isConnected(p.Block, p.Height) {
			return p, nil
		}
	}
	return Place{}, ErrNotFound
}

// nowMS returns our clock in Unix milliseconds.
func (c *Chain) nowMS() uint64 { return uint64(max(0, c.cfg.Now().UnixMilli())) }

// A refusal is what judging a block said, as an error about that block.
func refusal(hash core.Hash, rule error) error {
	return &consensus.RuleError{Block: hash, Rule: rule}
}
