package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// Why a block is not rebuilt.
var (
	errNotNeeded = errors.New("the block came by another way")
	errTooMuch   = consensus.NewRefusal("too many messages are unknown", consensus.Undecided)
	errNobody    = consensus.NewRefusal("nobody is left to ask", consensus.Undecided)
	errNoRoot    = consensus.NewRefusal("messages do not give the root", consensus.Undecided)
)

// maxAbove is how many of our blocks are searched that the announced block does not build on.
const maxAbove = 8

// An assembly is a block while it is put together. One worker uses it.
//
// Short ids prove nothing: two messages may share one, and whoever forwards them has not tried them.
// So that they do not give the root is nobody's fault. Full leaves and messages are: once the leaves
// are known by the root, whoever gave a message that is not there has made it up.
type assembly struct {
	*rebuilder
	*rebuild
	messages  []*core.Message // by position; nil where it is missing
	suppliers map[int]peer.ID // of messages that were asked for
	leaves    []core.Leaf     // once they are known to give the root
}

// build returns the block, all of whose messages are those that its header binds.
func (a *assembly) build(ctx context.Context) (*core.Block, error) {
	for i := 0; ; i++ {
		short, ok := a.version(a.rebuild, i)
		if !ok {
			break
		}
		block, err := a.byShortIDs(ctx, short)
		if err == nil || !errors.Is(err, errNoRoot) {
			return block, err
		}
	}
	return a.byLeaves(ctx)
}

// byShortIDs returns errNoRoot where the short ids are of no use.
func (a *assembly) byShortIDs(ctx context.Context, short []core.ShortID) (*core.Block, error) {
	found, err := a.pool.Match(a.hash, short, a.above())
	if errors.Is(err, mempool.ErrTooLarge) {
		return nil, errNoRoot
	}
	if err != nil {
		return nil, err
	}
	a.messages, a.suppliers = found, make(map[int]peer.ID)
	missing := a.missing()
	if a.tooMany(missing) {
		if 2*a.pool.Totals().Count < len(short) {
			return nil, errTooMuch // no wonder: we do not know that many
		}
		return nil, errNoRoot
	}
	if err := a.fill(ctx, missing); err != nil {
		return nil, err
	}
	return a.finish()
}

// byLeaves asks for the leaves, which tell exactly what is missing. It also finds what has the id but
// waits here with another signature.
func (a *assembly) byLeaves(ctx context.Context) (*core.Block, error) {
	if a.header.MessageCount == 0 {
		return nil, errNoRoot // nobody can have such a block
	}
	err := a.ask(ctx, func(ctx context.Context, p peer.ID) (err error) {
		a.leaves, err = a.parts.Leaves(ctx, p, &a.header)
		return err
	})
	if err != nil {
		return nil, err
	}
	a.leafLists.Add(1)
	a.keepFitting()
	size := core.HeaderSize
	for i, leaf := range a.leaves {
		m := a.messages[i]
		if m == nil {
			if m, err = a.chain.Message(leaf); errors.Is(err, chain.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("reading message %v: %w", leaf.ID, err)
			}
			if m.Body == nil {
				continue
			}
			a.messages[i] = m
		}
		if size += m.Size(); size > a.params.MaxBlockBytes {
			return nil, consensus.ErrBlockSize
		}
	}
	missing := a.missing()
	if a.tooMany(missing) {
		return nil, errTooMuch
	}
	if err := a.fill(ctx, missing); err != nil {
		return nil, err
	}
	return a.finish()
}

// keepFitting drops the messages that are not those of the leaves, and blames who gave them.
func (a *assembly) keepFitting() {
	if a.messages == nil { // no version of the short ids was of any use
		a.messages, a.suppliers = make([]*core.Message, len(a.leaves)), make(map[int]peer.ID)
	}
	for i, m := range a.messages {
		if m == nil || m.Leaf() == a.leaves[i] {
			continue
		}
		if p, supplied := a.suppliers[i]; supplied {
			a.blame(a.rebuild, p, fmt.Errorf("message %d of block %v: %w", i, a.hash, consensus.ErrMessageRoot))
		}
		a.messages[i] = nil
	}
}

// missing returns the positions of messages that are not known.
func (a *assembly) missing() (at []int) {
	for i, m := range a.messages {
		if m == nil {
			at = append(at, i)
		}
	}
	return at
}

// tooMany reports whether single messages are not worth asking for.
func (a *assembly) tooMany(missing []int) bool {
	return len(missing) > 1 && 2*len(missing) > len(a.messages)
}

// fill asks for messages.
func (a *assembly) fill(ctx context.Context, missing []int) error {
	for at := range slices.Chunk(missing, exchange.MaxPositions) {
		err := a.ask(ctx, func(ctx context.Context, p peer.ID) error {
			msgs, err := a.parts.Fill(ctx, p, a.hash, at)
			if err == nil {
				err = a.place(p, at, msgs)
			}
			return err
		})
		if err != nil {
			return err
		}
		a.asked.Add(uint64(len(at)))
	}
	return nil
}

// place puts in messages that a peer gave for these positions.
func (a *assembly) place(p peer.ID, at []int, msgs []*core.Message) error {
	for i, m := range msgs {
		if m.Body == nil {
			return consensus.ErrBodyMissing
		}
		if err := m.CheckBody(); err != nil {
			return err
		}
		if a.leaves != nil && m.Leaf() != a.leaves[at[i]] {
			return fmt.Errorf("message %d of block %v: %w", at[i], a.hash, consensus.ErrMessageRoot)
		}
	}
	for i, m := range msgs {
		a.messages[at[i]], a.suppliers[at[i]] = m, p
	}
	return nil
}

// finish returns the block if it has the root of its header.
func (a *assembly) finish() (*core.Block, error) {
	b := &core.Block{Header: a.header, Messages: a.messages}
	if core.MessageRoot(b.Leaves()) != a.header.MessageRoot {
		return nil, errNoRoot
	}
	return b, nil
}

// ask asks one announcer after the other until one answers. Who announced a block may not have it
// yet, so they are asked again, less and less often. A broken rule is the peer's fault.
func (a *assembly) ask(ctx context.Context, question func(context.Context, peer.ID) error) error {
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, maxPause) {
		for _, p := range a.toAsk(a.rebuild) {
			if a.chain.State(a.hash) != chain.HeaderOnly {
				return errNotNeeded
			}
			err := a.askOne(ctx, p, question)
			if err == nil || ctx.Err() != nil {
				return err
			}
		}
		if len(a.toAsk(a.rebuild)) == 0 {
			return errNobody
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-a.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

func (a *assembly) askOne(ctx context.Context, p peer.ID, question func(context.Context, peer.ID) error) error {
	if time.Since(a.since) > maxAlone {
		a.tell(a.rebuild) // any number of announcers may be slow: the syncer need not wait for them all
	}
	limited, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	err := question(limited, p)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errNobody, ctx.Err())
	case consensus.ClassOf(err) == consensus.Broken:
		a.blame(a.rebuild, p, err)
	}
	return err
}

// above returns blocks of ours that the announced one does not build on, newest first: it may hold
// what they have sealed.
func (a *assembly) above() (blocks []core.Hash) {
	fork := a.header.PreviousHash
	for range maxAbove {
		if a.chain.State(fork) == chain.Connected {
			return a.ours(fork)
		}
		h, err := a.chain.Header(fork)
		if err != nil {
			return nil
		}
		fork = h.PreviousHash
	}
	return nil
}

// ours returns the newest of our blocks down to a connected one, which is not included.
func (a *assembly) ours(fork core.Hash) (blocks []core.Hash) {
	for hash := a.chain.Tip().Hash; hash != fork && len(blocks) < maxAbove; {
		h, err := a.chain.Header(hash)
		if err != nil {
			return nil
		}
		blocks = append(blocks, hash)
		hash = h.PreviousHash
	}
	return blocks
}
