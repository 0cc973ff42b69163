package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"p2pchain/core"
	"p2pchain/core/chain"
)

// maxProblems bounds how many problems a Report spells out.
const maxProblems = 100

// A Report is what Check found.
type Report struct {
	Deep      bool      `json:"deep"`
	Tip       core.Hash `json:"tip"`
	Height    uint64    `json:"height"`
	Sides     int       `json:"sides"`     // stored blocks off the best chain
	Condemned int       `json:"condemned"` // blocks
	Messages  int       `json:"messages"`  // 0 unless deep
	Bodies    int       `json:"bodies"`    // 0 unless deep
	Waiting   int       `json:"waiting"`   // messages
	Problems  []string  `json:"problems"`  // in words, at most 100
	More      int       `json:"more"`      // problems that are not in Problems
}

// Err returns nil for a store without a problem, and ErrCorrupt with the first problem else.
func (r *Report) Err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	return fmt.Errorf("%d problems, the first: %s: %w", len(r.Problems)+r.More, r.Problems[0], ErrCorrupt)
}

// A checker walks one snapshot.
type checker struct {
	reader
	store   *Store
	net     *core.Network
	closing <-chan struct{}
	report  Report
	tip     tip
	places  int // that the leaves of stored blocks ask for

	forgotten forgotten
}

// Check walks every invariant of the key table, as of one moment: that heights, headers, history
// nodes, side blocks and waiting messages fit each other, and, if deep, that every leaf, message,
// body and place does, down to the hashes, and every block of every file its checksum. It reads the
// whole store in memory that does not depend on its size. What does not fit is in the Report; the error says why the walk could not go on, and
// is ctx's where that ended.
//
// Check works while others use the store, but starts only after a long change, and ends with
// ErrClosed when the store is closed.
func (s *Store) Check(ctx context.Context, deep bool) (Report, error) {
	snap, err := s.checkpoint()
	if err != nil {
		return Report{}, fmt.Errorf("checking the store: %w", err)
	}
	defer s.pending.Done()
	c := &checker{reader: reader{snap}, store: s, net: s.network, closing: s.closing, report: Report{Deep: deep}}
	err = errors.Join(c.walk(ctx), snap.Close())
	if err != nil {
		return c.report, fmt.Errorf("checking the store: %w", err)
	}
	return c.report, nil
}

// checkpoint returns a snapshot for long use, which keeps the store from closing: the caller ends it,
// and then tells pending. Unlike read it keeps nobody waiting.
func (s *Store) checkpoint() (*pebble.Snapshot, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	s.pending.Add(1)
	return s.db.NewSnapshot(), nil
}

// ended says why the walk must end, if so.
func (c *checker) ended(ctx context.Context) error {
	select {
	case <-c.closing:
		return ErrClosed
	default:
		return ctx.Err()
	}
}

func (c *checker) walk(ctx context.Context) error {
	steps := []func(context.Context) error{
		c.checkFixed, c.checkBest, c.checkHistory, c.checkEntries, c.checkSides, c.checkCondemned,
		c.checkForgotten, c.checkWaiting, c.checkWaitingIDs, c.checkReorgs, c.checkPeers, c.checkNotes, c.checkPrefixes,
	}
	if c.report.Deep {
		steps = append(steps, c.checkLeaves, c.checkRecords, c.checkIndex, c.checkDigests, c.checkTables)
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// problem notes what does not fit.
func (c *checker) problem(format string, args ...any) {
	if len(c.report.Problems) == maxProblems {
		c.report.More++
		return
	}
	c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
}

// found notes a problem where a value is missing or damaged, and reports whether it is good. Only an
// error of the disk is returned.
func (c *checker) found(err error, format string, args ...any) (bool, error) {
	if err == nil {
		return true, nil
	}
	for _, damage := range []error{chain.ErrNotFound, ErrCorrupt, errValue, ErrNotStore, ErrNewerSchema, ErrOlderSchema} {
		if errors.Is(err, damage) {
			c.problem(format+": %v", append(args, err)...)
			return false, nil
		}
	}
	return false, fmt.Errorf(format+": %w", append(args, err)...)
}

// each calls f with every key of a table of hashes.
func (c *checker) each(ctx context.Context, prefix byte, f func(hash core.Hash, value []byte) error) error {
	return c.table(prefix, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		hash, ok := keyHash(key)
		if !ok {
			c.problem("key %x has a wrong length", key)
			return nil
		}
		return f(hash, value)
	})
}

// eachLeaves calls f with every list of leaves.
func (c *checker) eachLeaves(ctx context.Context, f func(height uint64, block core.Hash, value []byte) error) error {
	return c.table(prefixLeaves, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		height, hash, ok := keyBlock(key)
		if !ok {
			c.problem("key %x has a wrong length", key)
			return nil
		}
		return f(height, hash, value)
	})
}

// eachNumber calls f with every key of a table of numbers.
func (c *checker) eachNumber(ctx context.Context, prefix byte, f func(n uint64, value []byte) error) error {
	return c.table(prefix, func(key, value []byte) error {
		if err := c.ended(ctx); err != nil {
			return err
		}
		n, ok := keyNumber(key)
		if !ok {
			c.problem("key %x has a wrong length", key)
			return nil
		}
		return f(n, value)
	})
}

// checkFixed looks at the records that are there once. A journal is not one of them between changes.
func (c *checker) checkFixed(context.Context) error {
	m, err := get(c.reader, []byte{prefixMeta}, decodeMeta)
	if ok, err := c.found(err, "meta record"); err != nil || ok && m.genesis != c.net.Genesis {
		c.problem("meta record of another network")
		return err
	}
	c.tip, err = c.reader.tip()
	if _, err := c.found(err, "tip"); err != nil {
		return err
	}
	c.report.Tip, c.report.Height = c.tip.hash, c.tip.height
	left, err := c.has([]byte{prefixJournal})
	if left {
		c.problem("a journal was left behind")
	}
	return err
}

// checkBest walks the best chain from genesis to the tip.
func (c *checker) checkBest(ctx context.Context) error {
	var history core.Frontier
	var last core.Hash
	var next uint64
	err := c.eachNumber(ctx, prefixHeight, func(height uint64, value []byte) error {
		hash, err := decodeHash(value)
		if ok, err := c.found(err, "height %d", height); !ok {
			return err
		}
		if height != next {
			c.problem("height %d follows %d", height, int64(next)-1)
		}
		e, err := c.stored(hash)
		if ok, err := c.found(err, "block %v at height %d", hash, height); !ok {
			return err
		}
		if e.Header.Height != height || e.Header.PreviousHash != last {
			c.problem("block %v at height %d does not follow %v", hash, height, last)
		}
		if e.Header.HistoryRoot != history.Root() {
			c.problem("block %v at height %d has another history root", hash, height)
		}
		history, last, next = history.Append(hash), hash, height+1
		return nil
	})
	if last != c.tip.hash || next != c.tip.height+1 {
		c.problem("the best chain ends with %v, the tip is %v at height %d", last, c.tip.hash, c.tip.height)
	}
	if first, err := c.hashAt(0); err == nil && first != c.net.Genesis {
		c.problem("block %v at height 0 is not genesis", first)
	}
	return err
}

// checkHistory recomputes every node of the history tree.
func (c *checker) checkHistory(ctx context.Context) error {
	var history core.Frontier
	want := 0
	for height := uint64(0); height <= c.tip.height; height++ {
		if err := c.ended(ctx); err != nil {
			return err
		}
		hash, err := c.hashAt(height)
		if ok, err := c.found(err, "height %d", height); !ok {
			return err
		}
		for i, node := range completed(history.Peaks(), height, hash) {
			want++
			stored, err := c.historyNode(i+1, height>>(i+1))
			if ok, err := c.found(err, "history node %d of level %d", height>>(i+1), i+1); err != nil {
				return err
			} else if ok && stored != node {
				c.problem("history node %d of level %d is another hash", height>>(i+1), i+1)
			}
		}
		history = history.Append(hash)
	}
	have := 0
	err := c.table(prefixHistory, func([]byte, []byte) error { have++; return nil })
	if have != want {
		c.problem("%d history nodes, want %d", have, want)
	}
	return err
}

// checkEntries looks at every stored block: that it has leaves, and is on the best chain or a side.
func (c *checker) checkEntries(ctx context.Context) error {
	blocks := 0
	err := c.each(ctx, prefixEntry, func(hash core.Hash, value []byte) error {
		blocks++
		e, err := decodeEntry(hash, false, value)
		if ok, err := c.found(err, "entry of block %v", hash); !ok {
			return err
		}
		if e.Header.Hash() != hash {
			c.problem("block %v has a header of another hash", hash)
		}
		if has, err := c.has(blockKey(prefixLeaves, e.Header.Height, hash)); err != nil || !has {
			c.problem("block %v has no leaves", hash)
			return err
		}
		if at, err := c.hashAt(e.Header.Height); err == nil && at == hash {
			return nil
		}
		side, err := c.has(hashKey(prefixSide, hash))
		if !side {
			c.problem("block %v is neither on the best chain nor a side block", hash)
		}
		return err
	})
	leaves := 0
	if err := errors.Join(err, c.eachLeaves(ctx, func(uint64, core.Hash, []byte) error { leaves++; return nil })); err != nil {
		return err
	}
	if leaves != blocks {
		c.problem("%d lists of leaves for %d blocks", leaves, blocks)
	}
	return nil
}

// checkSides looks at the side blocks: stored, not on the best chain, with a stored parent.
func (c *checker) checkSides(ctx context.Context) error {
	return c.each(ctx, prefixSide, func(hash core.Hash, value []byte) error {
		c.report.Sides++
		if _, err := c.found(newDecoder(value).done(), "side block %v", hash); err != nil {
			return err
		}
		e, err := c.stored(hash)
		if ok, err := c.found(err, "side block %v", hash); !ok {
			return err
		}
		if at, err := c.hashAt(e.Header.Height); err == nil && at == hash {
			c.problem("side block %v is on the best chain", hash)
		}
		_, err = c.stored(e.Header.PreviousHash)
		_, err = c.found(err, "parent of side block %v", hash)
		return err
	})
}

func (c *checker) checkCondemned(ctx context.Context) error {
	return c.each(ctx, prefixCondemned, func(hash core.Hash, value []byte) error {
		c.report.Condemned++
		e, err := decodeEntry(hash, true, value)
		if ok, err := c.found(err, "condemned block %v", hash); !ok {
			return err
		}
		if e.Header.Hash() != hash || e.Condemned == "" {
			c.problem("condemned block %v has a header of another hash, or no reason", hash)
		}
		stored, err := c.has(hashKey(prefixEntry, hash))
		if stored {
			c.problem("condemned block %v is stored", hash)
		}
		return err
	})
}

func (c *checker) checkPeers(context.Context) error {
	return c.table(prefixPeer, func(key, value []byte) error {
		d := newDecoder(value)
		d.all()
		_, err := c.found(d.done(), "peer %q", key[1:])
		return err
	})
}

func (c *checker) checkReorgs(ctx context.Context) error {
	next := uint64(0)
	return c.eachNumber(ctx, prefixReorg, func(n uint64, value []byte) error {
		if n != next {
			c.problem("reorg %d follows %d", n, int64(next)-1)
		}
		next = n + 1
		_, err := decodeReorg(value)
		_, err = c.found(err, "reorg %d", n)
		return err
	})
}
