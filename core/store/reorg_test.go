package store

import (
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// eachSize runs a test with changes as one batch and with journalled ones.
func eachSize(t *testing.T, f func(t *testing.T, size func(*Options))) {
	t.Run("one batch", func(t *testing.T) { f(t, func(*Options) {}) })
	t.Run("journalled", func(t *testing.T) { f(t, long) })
}

// Messages of a reverted block wait again, in their order, unless the new branch has them, and they
// are as local as they were.
func TestReorgGivesMessagesBack(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n := coretest.Network(t)
		s := open(t, n, vfs.NewMem(), size)
		m := coretest.Messages(t, n, "m", 40)
		accept(t, s, false, mempool.Accepted, m[:30]...)
		old := branch(t, n, coretest.Genesis(n), m[0:10], m[10:20])
		connect(t, s, old...)
		// The other branch has one of each old block, one that waits, and one that was never here.
		other := branch(t, n, coretest.Genesis(n), []*core.Message{m[3]}, []*core.Message{m[12], m[25]}, []*core.Message{m[35]})
		commit(t, s, reorg(old, other))

		var want []core.Hash
		for _, part := range [][]*core.Message{m[20:25], m[26:30], m[0:3], m[4:12], m[13:20]} {
			want = append(want, ids(part)...)
		}
		if got := waiting(t, s); !slices.Equal(got, want) {
			t.Errorf("%d messages wait in another order than these %d", len(got), len(want))
		}
		page, err := s.Waiting(30, 100)
		if err != nil || len(page.Messages) != 18 || page.Messages[0].Local || !page.Messages[0].Again || page.Messages[0].AcceptedMS != 1000 {
			t.Errorf("Waiting after the reorg = %+v, %v, want 18 foreign messages, as before", page.Messages, err)
		}
		if places, err := s.Places(m[3].ID); err != nil || len(places[0]) != 2 {
			t.Errorf("Places = %v, %v, want one on each branch", places, err)
		}
		if reorgs, err := s.Reorgs(10); err != nil || len(reorgs) != 1 || reorgs[0].Applied != 3 {
			t.Errorf("Reorgs = %v, %v", reorgs, err)
		}
		for _, b := range append(old, other...) {
			if got, err := s.Block(b.Header.Hash()); err != nil || !reflect.DeepEqual(got, b) {
				t.Errorf("Block = %v, %v", got, err)
			}
		}
		var sides []core.Hash
		if err := s.Sides(func(e chain.Entry) error { sides = append(sides, e.Hash); return nil }); err != nil || len(sides) != 2 {
			t.Errorf("Sides = %v, %v, want the old branch", sides, err)
		}
	})
}

// Two hundred blocks leave and two hundred others come, and back again.
func TestReorgOf200Blocks(t *testing.T) {
	coretest.Sequential(t)
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n := coretest.Network(t)
		s := open(t, n, vfs.NewMem(), size)
		m := coretest.Messages(t, n, "m", 600)
		var aLists, bLists [][]*core.Message
		for i := range 200 {
			aLists = append(aLists, m[2*i:2*i+2])
			bLists = append(bLists, m[i:i+1])
		}
		a, b := branch(t, n, coretest.Genesis(n), aLists...), branch(t, n, coretest.Genesis(n), bLists...)
		accept(t, s, true, mempool.Accepted, m...)
		connect(t, s, a...)
		commit(t, s, reorg(a, b))
		if got := waiting(t, s); len(got) != 400 {
			t.Errorf("%d messages wait on the second branch, want 400", len(got))
		}
		check(t, s)
		commit(t, s, reorg(b, a)) // stored already
		if got := waiting(t, s); len(got) != 200 {
			t.Errorf("%d messages wait on the first branch, want 200", len(got))
		}
		if f, err := s.Frontier(200); err != nil || f.Root() != frontierOf(n, a).Root() {
			t.Errorf("Frontier(200) = %v, %v", f, err)
		}
		if reorgs, err := s.Reorgs(1); err != nil || len(reorgs) != 1 || reorgs[0].NewTip != a[199].Header.Hash() {
			t.Errorf("Reorgs = %v, %v, want the newest first", reorgs, err)
		}
	})
}

func frontierOf(n *core.Network, blocks []*core.Block) core.Frontier {
	f := (core.Frontier{}).Append(n.Genesis)
	for _, b := range blocks {
		f = f.Append(b.Header.Hash())
	}
	return f
}

// What only a forgotten block held goes with it.
func TestForget(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n := coretest.Network(t)
		s := open(t, n, vfs.NewMem(), size)
		m := coretest.Messages(t, n, "m", 34)
		best := coretest.Next(t, n, coretest.Genesis(n), m[0], m[1])
		side := coretest.Next(t, n, coretest.Genesis(n), append(m[3:], m[1], m[2])...)
		accept(t, s, true, mempool.Accepted, m[2])
		connect(t, s, best)
		commit(t, s, storing(side))
		commit(t, s, chain.Change{Forget: []core.Hash{side.Header.Hash(), {1}}})
		if _, err := s.Block(side.Header.Hash()); !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("Block of a forgotten block = %v, want ErrNotFound", err)
		}
		for i, want := range []bool{true, true, true, false, false} {
			if _, err := s.Message(m[i].ID); (err == nil) != want {
				t.Errorf("Message %d = %v, kept should be %v", i, err, want)
			}
		}
		if report, _ := s.Check(t.Context(), true); report.Messages != 3 || report.Bodies != 3 {
			t.Errorf("%d messages and %d bodies are left, want 3", report.Messages, report.Bodies)
		}
	})
}

// One envelope with two signatures is one message; each block keeps the signature it commits to.
func TestTwoSignaturesOfOneMessage(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	a := coretest.Message(t, n, coretest.Key(0), "text")
	b := *a
	b.Signature[0] ^= 1
	first := coretest.Next(t, n, coretest.Genesis(n), a)
	second := coretest.Next(t, n, coretest.Genesis(n), &b)
	connect(t, s, first)
	commit(t, s, storing(second))
	for _, want := range []*core.Block{first, second} {
		if got, err := s.Block(want.Header.Hash()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Block = %v, %v, want %v", got, err, want)
		}
	}
}

// A body that was missing is filled in by whoever brings it first.
func TestMissingBody(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 2)
	full := coretest.Next(t, n, coretest.Genesis(n), m...)
	bare := coretest.WithoutBodies(full)
	connect(t, s, bare)
	if got, err := s.Block(full.Header.Hash()); err != nil || !reflect.DeepEqual(got, bare) {
		t.Errorf("Block without bodies = %v, %v", got, err)
	}
	check(t, s)
	commit(t, s, storing(coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.TimeMS++ }, m...)))
	if got, err := s.Block(full.Header.Hash()); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("Block after its bodies came = %v, %v", got, err)
	}
}

func TestCondemn(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	b := coretest.Next(t, n, coretest.Genesis(n))
	want := chain.Entry{Hash: b.Header.Hash(), Header: b.Header, SeenMS: 7, Condemned: "stamp is too short"}
	commit(t, s, chain.Change{Condemn: []chain.Entry{want}})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, n, fs)
	if got, err := s.Entry(want.Hash); err != nil || got != want {
		t.Errorf("Entry = %v, %v, want %v", got, err, want)
	}
	if _, err := s.Block(want.Hash); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("Block of a condemned block = %v, want ErrNotFound", err)
	}
}

// A change that does not fit is refused and leaves no trace.
func TestBadChange(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	best := coretest.Chain(t, n, coretest.Genesis(n), 2, 1)
	side := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.TimeMS++ })
	other := coretest.Next(t, n, coretest.Genesis(n).After(best[0]))
	bad := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.TimeMS += 2 })
	connect(t, s, best...)
	commit(t, s, storing(side))
	commit(t, s, chain.Change{Condemn: []chain.Entry{{Hash: bad.Header.Hash(), Header: bad.Header, Condemned: "bad"}}})
	hash := func(b *core.Block) []core.Hash { return []core.Hash{b.Header.Hash()} }
	renamed := storing(other)
	renamed.Store[0].Hash[0] ^= 1
	for name, c := range map[string]chain.Change{
		"store: wrong hash":            renamed,
		"store: condemned":             storing(bad),
		"store: unknown parent":        storing(coretest.Next(t, n, coretest.Genesis(n).After(other))),
		"revert: not the tip":          {Revert: hash(best[0])},
		"revert: genesis":              {Revert: []core.Hash{best[1].Header.Hash(), best[0].Header.Hash(), n.Genesis}},
		"apply: not stored":            {Apply: hash(other)},
		"apply: no child of the tip":   {Apply: hash(side)},
		"forget: best chain":           {Forget: hash(best[0])},
		"forget: joins the best chain": {Store: storing(other).Store, Revert: hash(best[1]), Apply: hash(other), Forget: hash(other)},
		"condemn: stored":              {Condemn: []chain.Entry{{Hash: side.Header.Hash(), Header: side.Header, Condemned: "x"}}},
		"condemn: no reason":           {Condemn: []chain.Entry{{Hash: other.Header.Hash(), Header: other.Header}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := s.Commit(c); !errors.Is(err, ErrBadChange) {
				t.Errorf("Commit = %v, want ErrBadChange", err)
			}
			if tip, err := s.Tip(); err != nil || tip != best[1].Header.Hash() {
				t.Errorf("Tip = %v, %v, want the one before", tip, err)
			}
		})
	}
	commit(t, s, chain.Change{Revert: hash(best[1]), Forget: hash(best[1])}) // this one fits
}

// A long change that fails before its turn leaves what was there, in every table. After the turn it
// is made: then a failure is fatal, and the next start finishes it.
func TestLongChangeFailsHalfWay(t *testing.T) {
	n, mem := coretest.Network(t), vfs.NewMem()
	var reads, failing int // the read that fails, once, so that undoing can read
	fail := &errorfs.Toggle{Injector: errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt {
			if reads++; reads == failing {
				return syscall.EIO
			}
		}
		return nil
	})}
	var fatal error
	edit := func(o *Options) {
		o.CacheBytes = 1 // every read is one of a file
		o.quiet, o.memtable = true, memtableBytes
		o.OnFatal = func(err error) { fatal = err }
	}
	fs := errorfs.Wrap(mem, fail)
	m := coretest.Messages(t, n, "m", 60)
	old, other := branch(t, n, coretest.Genesis(n), m[:20]), branch(t, n, coretest.Genesis(n), m[10:30], m[30:50])
	s := open(t, n, fs, long, edit)
	accept(t, s, true, mempool.Accepted, m...)
	connect(t, s, old...)
	reopen := func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, n, fs, long, edit)
	}
	reopen() // so that what was written is in files
	before, failed := dump(t, s), 0
	for failing = 1; fatal == nil; failing += 7 {
		reads = 0
		fail.On()
		err := s.Commit(reorg(old, other))
		fail.Off()
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EIO) {
			t.Fatalf("Commit with a failing disk = %v", err)
		}
		if fatal != nil {
			break
		}
		failed++
		if after := dump(t, s); !reflect.DeepEqual(after, before) {
			t.Fatalf("after a failure at read %d: %d keys, before %d", failing, len(after), len(before))
		}
	}
	if failed < 3 || fatal == nil {
		t.Errorf("%d failures before the turn, %v after it", failed, fatal)
	}
	if err := s.PutPeer("peer", nil); !errors.Is(err, syscall.EIO) {
		t.Errorf("PutPeer after a fatal error = %v, want that error", err)
	}
	reopen()
	if tip, err := s.Tip(); err != nil || tip != other[1].Header.Hash() || len(waiting(t, s)) != 20 {
		t.Errorf("Tip = %v, %v, want the new one with 20 messages waiting", tip, err)
	}
}

// dump returns every key and value that readers of a store can see.
func dump(t testing.TB, s *Store) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := s.read(func(r reader) error {
		return r.scan(nil, nil, func(key, value []byte) error {
			out[string(key)] = string(value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
