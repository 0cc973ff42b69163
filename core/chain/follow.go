package chain

import (
	"errors"
	"fmt"
	"sync"

	"p2pchain/core"
)

// followers are poked after every change of the tip or the best header.
type followers struct {
	mu    sync.Mutex
	pokes map[chan struct{}]struct{}
}

func (f *followers) poke() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ch := range f.pokes {
		select {
		case ch <- struct{}{}:
		default: // it has not looked since the last poke
		}
	}
}

// Subscribe returns a channel of capacity 1 that is poked after every change of the tip or of the
// best header, and a function that ends this. Pull what changed with UpdatesSince.
func (c *Chain) Subscribe() (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	c.followers.mu.Lock()
	defer c.followers.mu.Unlock()
	if c.followers.pokes == nil {
		c.followers.pokes = make(map[chan struct{}]struct{})
	}
	c.followers.pokes[ch] = struct{}{}
	return ch, func() {
		c.followers.mu.Lock()
		defer c.followers.mu.Unlock()
		delete(c.followers.pokes, ch)
	}
}

// An Update is the way from one block to a later state of the best chain.
type Update struct {
	Reverted []core.Hash // blocks that are not on the best chain any more, highest first
	Applied  []core.Hash // blocks that are, ascending
	Tip      core.Hash   // where this update ends: the last of Applied, or the fork
}

// UpdatesSince returns what happened to the best chain since a follower stood at from, with at most
// limit applied blocks: call again from Update.Tip until nothing is left. ErrNotFound means that
// from was forgotten: the follower must start anew from the chain as it is.
func (c *Chain) UpdatesSince(from core.Hash, limit int) (Update, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	u := Update{Tip: from}
	tip := c.tip.Load()
	if from == tip.Hash {
		return u, nil
	}
	var height uint64
	for {
		entry, err := c.store.Entry(u.Tip)
		if err != nil {
			return Update{}, fmt.Errorf("block %v: %w", u.Tip, err)
		}
		height = entry.Header.Height
		if c.isConnected(u.Tip, height) {
			break
		}
		u.Reverted = append(u.Reverted, u.Tip)
		u.Tip = entry.Header.PreviousHash
	}
	for height < tip.Header.Height && len(u.Applied) < limit {
		height++
		hash, err := c.store.HashAt(height)
		if err != nil {
			return Update{}, fmt.Errorf("height %d: %w", height, err)
		}
		u.Applied = append(u.Applied, hash)
		u.Tip = hash
	}
	return u, nil
}

// Locator names the best header chain by some of its blocks, newest first, the gaps doubling after
// the first ten, genesis last: whoever gets it finds the last common block.
func (c *Chain) Locator() []core.Hash {
	c.writing.Lock()
	defer c.writing.Unlock()
	tip := c.tip.Load()
	height := tip.Header.Height
	n := c.tree.best
	if n != nil {
		height = n.header.Height
	}
	var out []core.Hash
	for step := uint64(1); height > 0; height -= min(step, height) {
		for n != nil && n.header.Height > height {
			n = c.tree.parent(n)
		}
		hash := core.Hash{}
		if n != nil {
			hash = n.hash
		} else if at, err := c.store.HashAt(height); err == nil {
			hash = at
		} else {
			break // a locator with a gap would still be right, but the disk is not
		}
		out = append(out, hash)
		if len(out) >= 10 {
			step *= 2
		}
	}
	return append(out, c.network.Genesis)
}

// HeadersAfter returns up to limit headers of the best chain after the first block of the locator
// that is on it, or after genesis where none is.
func (c *Chain) HeadersAfter(locator []core.Hash, limit int) ([]core.Header, error) {
	height, previous := uint64(0), c.network.Genesis
	for _, hash := range locator {
		entry, err := c.store.Entry(hash)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if entry.Condemned == "" && c.isConnected(hash, entry.Header.Height) {
			height, previous = entry.Header.Height, hash
			break
		}
	}
	var out []core.Header
	for len(out) < limit {
		height++
		hash, err := c.store.HashAt(height)
		if errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		entry, err := c.store.Entry(hash)
		if err != nil {
			return nil, err
		}
		if entry.Header.PreviousHash != previous {
			break // a reorg happened meanwhile: what we have so far is still one branch
		}
		out, previous = append(out, entry.Header), hash
	}
	return out, nil
}
