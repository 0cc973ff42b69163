package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

var imagesFlag = flag.Int("images", 500, "crash images to check; 5000 in CI")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// share is how much of a load is done: a tenth of it under the race detector.
func share(n int) int {
	if raceDetector {
		return max(1, n/10)
	}
	return n
}

// open opens a store in a file system; the test ends with its check, and closes it.
func open(t testing.TB, n *core.Network, fs vfs.FS, edits ...func(*Options)) *Store {
	t.Helper()
	s, err := Open("store", n, options(t, fs, edits...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		check(t, s)
		if err := s.Close(); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("Close = %v", err)
		}
	})
	return s
}

// options are small ones for tests, in which nothing may be fatal.
func options(t testing.TB, fs vfs.FS, edits ...func(*Options)) Options {
	o := Options{
		FS: fs, CreatedBy: "a test", CacheBytes: 1 << 20, memtable: 256 << 10,
		OnFatal: func(err error) { t.Errorf("OnFatal(%v)", err) },
	}
	for _, edit := range edits {
		edit(&o)
	}
	return o
}

// long makes every change larger than a few messages a journalled one.
func long(o *Options) { o.MaxBatchBytes = 4 << 10 }

// check fails the test for everything in a store that does not fit.
func check(t testing.TB, s *Store) {
	t.Helper()
	if s.failure.Load() != nil {
		return // it is read-only, and what is in memory is not what counts
	}
	report, err := s.Check(context.Background(), true)
	if err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("Check = %v", err)
	}
	for _, p := range report.Problems {
		t.Errorf("check: %s", p)
	}
	if count, _ := s.WaitingTotals(); err == nil && count != report.Waiting {
		t.Errorf("%d messages wait, the counter says %d", report.Waiting, count)
	}
}

// accept accepts messages and fails the test unless each has this result.
func accept(t testing.TB, s *Store, local bool, want mempool.AcceptResult, msgs ...*core.Message) {
	t.Helper()
	results, err := s.Accept(msgs, local, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r != want {
			t.Fatalf("Accept of message %d = %v, want %v", i, r, want)
		}
	}
}

// connect makes blocks the end of the best chain, on its tip.
func connect(t testing.TB, s *Store, blocks ...*core.Block) {
	t.Helper()
	c := storing(blocks...)
	for _, b := range c.Store {
		c.Apply = append(c.Apply, b.Hash)
	}
	commit(t, s, c)
}

// storing is a change that stores blocks on the side.
func storing(blocks ...*core.Block) chain.Change {
	var c chain.Change
	for _, b := range blocks {
		c.Store = append(c.Store, chain.Stored{Hash: b.Header.Hash(), SeenMS: 2000, Block: b})
	}
	return c
}

// reorg is a change from one branch to another, both ascending; the new one is stored by it.
func reorg(from, to []*core.Block) chain.Change {
	c := storing(to...)
	for i := range from {
		c.Revert = append(c.Revert, from[len(from)-1-i].Header.Hash())
	}
	for _, b := range c.Store {
		c.Apply = append(c.Apply, b.Hash)
	}
	c.Reorg = &chain.ReorgRecord{
		TimeMS: 3000, OldTip: c.Revert[0], NewTip: c.Apply[len(c.Apply)-1],
		Fork: from[0].Header.PreviousHash, Reverted: len(from), Applied: len(to),
	}
	return c
}

func commit(t testing.TB, s *Store, c chain.Change) {
	t.Helper()
	if err := s.Commit(c); err != nil {
		t.Fatal(err)
	}
}

// waiting returns the ids of all waiting messages in order.
func waiting(t testing.TB, s *Store) []core.Hash {
	t.Helper()
	page, err := s.Waiting(0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]core.Hash, len(page.Messages))
	for i, w := range page.Messages {
		ids[i] = w.ID
	}
	return ids
}

func ids(msgs []*core.Message) []core.Hash {
	out := make([]core.Hash, len(msgs))
	for i, m := range msgs {
		out[i] = m.ID
	}
	return out
}

// branch mines blocks on a tip, each with the messages of its list.
func branch(t testing.TB, n *core.Network, from coretest.Tip, lists ...[]*core.Message) []*core.Block {
	t.Helper()
	blocks := make([]*core.Block, len(lists))
	for i, msgs := range lists {
		blocks[i] = coretest.Next(t, n, from, msgs...)
		from = from.After(blocks[i])
	}
	return blocks
}

func text(format string, args ...any) string { return fmt.Sprintf(format, args...) }
