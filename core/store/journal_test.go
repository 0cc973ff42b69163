package store

import (
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

// After a crash at any write of a long change, and at any write of the recovery from that, the store
// holds exactly what it held before the change, or exactly what it holds after it.
func TestJournalIsAllOrNothing(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 90)
	old := branch(t, n, coretest.Genesis(n), m[:20], m[20:30])
	other := branch(t, n, coretest.Genesis(n), m[10:25], m[30:50], m[70:80])
	side := branch(t, n, coretest.Genesis(n), m[80:])
	change := reorg(old, other)
	change.Forget = []core.Hash{side[0].Header.Hash()}
	change.Condemn = []chain.Entry{{Hash: core.Hash{1}, Condemned: "a rule"}}
	change.Condemn[0].Hash = change.Condemn[0].Header.Hash()
	prepare := func(fs vfs.FS) *Store {
		s := open(t, n, fs, long, eager)
		accept(t, s, false, mempool.Accepted, m[:60]...)
		connect(t, s, old...)
		commit(t, s, storing(side...))
		return s
	}

	clean := prepare(vfs.NewMem())
	before := dump(t, clean)
	commit(t, clean, change)
	after := dump(t, clean)

	start := random.Seed(t)
	var writes, images, undone atomic.Int64
	atEachWrite := func(mem *vfs.MemFS, f func(rng *rand.Rand, image *vfs.MemFS)) *faulty {
		return newFaulty(mem, func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				rng := rand.New(rand.NewPCG(start, uint64(writes.Add(1)))) // writes come from many goroutines
				percent := 50 * rng.IntN(3)
				f(rng, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng}))
			}
			return nil
		})
	}
	look := func(fs vfs.FS) {
		s, err := Open("store", n, options(t, fs, long, eager))
		if err != nil {
			t.Errorf("opening an image: %v", err)
			return
		}
		check(t, s)
		switch got := dump(t, s); {
		case reflect.DeepEqual(got, before):
			undone.Add(1)
		case !reflect.DeepEqual(got, after):
			t.Errorf("an image has %d keys, not the %d of before nor the %d of after", len(got), len(before), len(after))
		}
		images.Add(1)
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	mem := vfs.NewCrashableMem()
	disk := atEachWrite(mem, func(rng *rand.Rand, image *vfs.MemFS) {
		twin := image.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rng})
		look(image)
		if rng.IntN(30) >= share(10) {
			return
		}
		again := atEachWrite(twin, func(rng *rand.Rand, image *vfs.MemFS) {
			if rng.IntN(5) == 0 {
				look(image)
			}
		})
		again.on.Store(true)
		look(again)
	})
	s := prepare(disk)
	disk.on.Store(true)
	commit(t, s, change)
	disk.on.Store(false)
	if got := dump(t, s); !reflect.DeepEqual(got, after) {
		t.Errorf("%d keys after the change, want %d", len(got), len(after))
	}
	finished := images.Load() - undone.Load()
	t.Logf("%d undone, %d finished", undone.Load(), finished)
	if undone.Load() < 10 || finished < 2 {
		t.Errorf("only %d images were undone and %d finished", undone.Load(), finished)
	}
}

func eager(o *Options) { o.eager = true }

// Readers see what was before a long change until it is complete, and never a mixture.
func TestReadersDuringLongChange(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 60)
	old, other := branch(t, n, coretest.Genesis(n), m[:30]), branch(t, n, coretest.Genesis(n), m[10:20], m[20:50])
	var s *Store
	var before, after map[string]string
	looks := 0
	disk := newFaulty(vfs.NewMem(), func(op errorfs.Op) error {
		if op.Kind != errorfs.OpFileWrite {
			return nil
		}
		if got := dump(t, s); !reflect.DeepEqual(got, before) && (after == nil || !reflect.DeepEqual(got, after)) {
			t.Errorf("a reader sees %d keys, %d were there before", len(got), len(before))
		}
		looks++
		return nil
	})
	s = open(t, n, disk, long, eager)
	accept(t, s, true, mempool.Accepted, m...)
	connect(t, s, old...)
	before = dump(t, s)
	disk.on.Store(true)
	commit(t, s, reorg(old, other))
	disk.on.Store(false)
	if after = dump(t, s); reflect.DeepEqual(after, before) {
		t.Error("nothing changed")
	}
	if looks < 5 {
		t.Errorf("a reader looked %d times", looks)
	}
}
