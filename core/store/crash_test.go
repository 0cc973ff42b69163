package store

import (
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

// TestCrashImages takes an image of the disk at every k-th write of a busy store, with none, half or
// all of what was not synced, and opens each: every acknowledged message is there, the tip is one
// that was committed, and everything fits. Some images crash again while they recover.
func TestCrashImages(t *testing.T) {
	if raceDetector {
		t.Skip("it takes minutes then, make crash runs it, and the model runs the same steps under the detector")
	}
	start := random.Seed(t)
	total, images := &crashTotals{}, int64(share(*imagesFlag))
	begin := time.Now()
	enough := func() bool { return total.images.Load() >= images && len(total.rare(images/100)) == 0 }
	for run := uint64(0); !enough() && total.images.Load() < 4*images && !t.Failed(); run++ {
		crashRun(t, start+run, total)
	}
	t.Logf("%d images (%d with nothing, %d with all unsynced data) in %.1f s, %d taken during recovery; %d messages acknowledged; "+
		"%d blocks connected, %d reorgs; %d long changes undone, %d finished; %d messages erased, %d bodies filled in, pruned %d times",
		total.images.Load(), total.byPercent[0].Load(), total.byPercent[2].Load(), time.Since(begin).Seconds(), total.nested.Load(),
		total.acked.Load(), total.connects.Load(), total.reorgs.Load(), total.undone.Load(), total.finished.Load(),
		total.erased.Load(), total.filled.Load(), total.pruned.Load())
	if rare := total.rare(images / 100); len(rare) > 0 && !t.Failed() {
		t.Errorf("the load did not happen: too few %v", rare)
	}
}

// crashTotals count what happened over all runs.
type crashTotals struct {
	images, nested, acked, connects, reorgs, undone, finished atomic.Int64
	erased, filled, pruned                                    atomic.Int64
	byPercent                                                 [3]atomic.Int64
}

// rare names what happened less often than that.
func (c *crashTotals) rare(least int64) (names []string) {
	for name, n := range map[string]*atomic.Int64{
		"messages acknowledged": &c.acked, "blocks connected": &c.connects, "reorgs": &c.reorgs,
		"messages erased": &c.erased, "bodies filled in": &c.filled, "times of pruning": &c.pruned,
		"images during recovery": &c.nested, "changes undone": &c.undone,
		"changes finished": &c.finished, "images with nothing unsynced": &c.byPercent[0],
		"images with half of it": &c.byPercent[1], "images with all of it": &c.byPercent[2],
	} {
		if n.Load() < least {
			names = append(names, name)
		}
	}
	return names
}

// Enabled, Handle, WithAttrs and WithGroup make a slog.Handler that counts recoveries.
func (c *crashTotals) Enabled(context.Context, slog.Level) bool { return true }
func (c *crashTotals) WithAttrs([]slog.Attr) slog.Handler       { return c }
func (c *crashTotals) WithGroup(string) slog.Handler            { return c }
func (c *crashTotals) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "undo" && a.Value.Bool() {
			c.undone.Add(1)
		} else if a.Key == "undo" {
			c.finished.Add(1)
		}
		return true
	})
	return nil
}

// A crashDisk is a file system that takes an image at every k-th write and has it checked.
type crashDisk struct {
	t      *testing.T
	net    *core.Network
	totals *crashTotals
	mem    *vfs.MemFS
	every  int64
	writes atomic.Int64
	nested bool

	state sync.Mutex // guards the rest
	rng   *rand.Rand
	acked map[core.Hash]bool // messages that must be there
	tips  []core.Hash        // of all commits so far, in order
	done  int                // how many of them were acknowledged

	forgotten forgottenThings
}

func (d *crashDisk) fs() vfs.FS {
	return errorfs.Wrap(d.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && d.writes.Add(1)%d.every == 0 {
			d.image()
		}
		return nil
	}))
}

// image takes an image and checks it. What must be there is read before the image is taken, and what
// may be there after it.
func (d *crashDisk) image() {
	d.state.Lock()
	acked, done := maps.Clone(d.acked), d.done
	gone := forgottenThings{maps.Clone(d.forgotten.erased), d.forgotten.pruned}
	mode, rng := d.rng.IntN(3), rand.New(rand.NewPCG(d.rng.Uint64(), 1))
	d.state.Unlock()
	mem := d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * mode, RNG: rng})
	d.state.Lock()
	tips := slices.Clone(d.tips[done-1:])
	d.state.Unlock()
	d.totals.images.Add(1)
	d.totals.byPercent[mode].Add(1)
	inner := &crashDisk{
		t: d.t, net: d.net, totals: d.totals, mem: mem, every: 1 << 60, nested: true,
		rng: rng, acked: acked, tips: tips, done: 1, forgotten: gone,
	}
	if d.nested {
		d.totals.nested.Add(1)
	} else if rng.IntN(12) == 0 {
		inner.every = 3 + rng.Int64N(8)
	}
	inner.verify()
}

// verify opens an image and looks for everything that must be there.
func (d *crashDisk) verify() {
	s, err := Open("store", d.net, options(d.t, d.fs(), func(o *Options) { o.Log, o.memtable = slog.New(d.totals), 64<<10 }))
	if err != nil {
		d.t.Errorf("opening an image: %v", err)
		return
	}
	defer s.Close()
	check(d.t, s)
	if tip, err := s.Tip(); err != nil || !slices.Contains(d.tips, tip) {
		d.t.Errorf("tip of an image = %v, %v, want one of %v", tip, err, d.tips)
	}
	for id := range d.acked {
		if got, err := s.Lookup(id); err != nil || got == mempool.Accepted {
			d.t.Errorf("message %v was acknowledged, and is lost (%v)", id, err)
		}
	}
	d.verifyForgotten(s)
}

// acknowledge notes that messages must be there from now on.
func (d *crashDisk) acknowledge(ids ...core.Hash) {
	d.state.Lock()
	defer d.state.Unlock()
	for _, id := range ids {
		d.acked[id] = true
	}
	d.totals.acked.Add(int64(len(ids)))
}

// crashRun puts load on one store until the workers have done their share.
func crashRun(t *testing.T, seed uint64, totals *crashTotals) {
	n := coretest.Network(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	d := &crashDisk{
		t: t, net: n, totals: totals, mem: vfs.NewCrashableMem(), every: 3 + rng.Int64N(9),
		rng: rand.New(rand.NewPCG(seed, 2)), acked: make(map[core.Hash]bool), tips: []core.Hash{n.Genesis}, done: 1,
		forgotten: forgottenThings{erased: make(map[core.Hash]bool)},
	}
	s, err := Open("store", n, options(t, d.fs(), func(o *Options) {
		o.MaxBatchBytes, o.memtable = 8<<10, 64<<10
	}))
	if err != nil {
		t.Fatal(err)
	}
	load := &crashLoad{d: d, s: s, texts: seed}
	var workers sync.WaitGroup
	for w := range uint64(3) {
		workers.Go(func() { load.accept(rand.New(rand.NewPCG(seed, 10+w)), 40) })
	}
	workers.Go(func() { load.chain(rand.New(rand.NewPCG(seed, 20)), 25) })
	workers.Wait()
	check(t, s)
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// A crashLoad is what happens to the store of one run.
type crashLoad struct {
	d     *crashDisk
	s     *Store
	texts uint64

	bareMu sync.Mutex // guards bare
	bare   []*core.Message

	next atomic.Uint64
}

// accept sends messages, some of which another worker sends at the same time.
func (l *crashLoad) accept(rng *rand.Rand, calls int) {
	for range calls {
		msgs := make([]*core.Message, 1+rng.IntN(4))
		for i := range msgs {
			number := l.next.Add(1)
			if rng.IntN(3) == 0 {
				number-- // what came just before
			}
			msgs[i] = coretest.Message(l.d.t, l.d.net, coretest.Key(0), text("%d/%d %0*d", l.texts, number, rng.IntN(2), 0))
		}
		if _, err := l.s.Accept(msgs, rng.IntN(2) == 0, 1); err != nil {
			l.d.t.Error(err)
			return
		}
		l.d.acknowledge(ids(msgs)...)
		if rng.IntN(3) == 0 {
			l.tidy(rng)
		}
	}
}

// tidy writes the peer book.
func (l *crashLoad) tidy(rng *rand.Rand) {
	if err := l.s.PutPeer(text("peer %d", rng.IntN(5)), make([]byte, 100)); err != nil {
		l.d.t.Error(err)
	}
}

// chain connects blocks and reorganises. Every third change or so is too large for one batch.
func (l *crashLoad) chain(rng *rand.Rand, steps int) {
	n, t := l.d.net, l.d.t
	tips := []coretest.Tip{coretest.Genesis(n)} // of the best chain, by height
	var blocks []*core.Block                    // from height 1
	for step := range steps {
		back := 0
		if rng.IntN(3) == 0 {
			back = min(len(blocks), 1+rng.IntN(1+rng.IntN(12)))
		}
		fork, left := len(blocks)-back, blocks[len(blocks)-back:]
		lists := l.contents(rng, left, back+1)
		var fresh []*core.Block
		parent := tips[fork]
		for _, msgs := range lists {
			b := coretest.NextWith(t, n, parent, func(h *core.Header) { h.TimeMS += uint64(step) }, msgs...)
			fresh, parent = append(fresh, b), parent.After(b)
			tips = append(tips[:parent.Header.Height], parent)
		}
		if !l.commit(left, fresh, parent.Hash) {
			return
		}
		blocks = append(blocks[:fork:fork], fresh...)
		l.forget(rng, 2)
	}
}

// contents chooses messages for count blocks: some of those that leave, and some that wait.
func (l *crashLoad) contents(rng *rand.Rand, left []*core.Block, count int) [][]*core.Message {
	var pool []*core.Message
	for _, b := range left {
		for _, m := range b.Messages {
			if rng.IntN(2) == 0 {
				pool = append(pool, m)
			}
		}
	}
	page, err := l.s.Waiting(0, rng.IntN(40))
	if err != nil {
		l.d.t.Error(err)
	}
	for _, w := range page.Messages {
		if m, err := l.s.Message(w.ID); err == nil { // it may have been dropped
			pool = append(pool, m)
		}
	}
	lists := make([][]*core.Message, count)
	for _, m := range append(pool, l.bareMessages(rng)...) {
		i := rng.IntN(count)
		lists[i] = append(lists[i], m)
	}
	return lists
}

// commit moves the chain; a third of the reorgs forget all side branches.
func (l *crashLoad) commit(left, fresh []*core.Block, tip core.Hash) bool {
	c := storing(fresh...)
	if len(left) > 0 {
		c = reorg(left, fresh)
		l.d.totals.reorgs.Add(1)
		if len(left)%3 == 0 {
			c.Forget = slices.Clone(c.Revert)
			if err := l.s.Sides(func(e chain.Entry) error { c.Forget = append(c.Forget, e.Hash); return nil }); err != nil {
				l.d.t.Error(err)
			}
		}
	} else {
		for _, b := range c.Store {
			c.Apply = append(c.Apply, b.Hash)
		}
	}
	l.d.totals.connects.Add(int64(len(fresh)))
	l.d.state.Lock()
	l.d.tips = append(l.d.tips, tip)
	l.d.state.Unlock()
	if err := l.s.Commit(c); err != nil {
		l.d.t.Error(err)
		return false
	}
	l.d.state.Lock()
	l.d.done = len(l.d.tips)
	l.d.state.Unlock()
	return true
}
