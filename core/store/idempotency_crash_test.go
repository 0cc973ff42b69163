package store

import (
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
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

// A notedRequest is a request with an idempotency key as a crash finds it.
type notedRequest struct {
	key   core.Hash
	msgs  []*core.Message
	acked bool
}

// TestNotesSurviveCrashes takes images of the disk at every few writes, with none, half or all of what
// was not synced. In each of them a request is there with its note or not at all, and those that were
// acknowledged are there.
func TestNotesSurviveCrashes(t *testing.T) {
	coretest.Sequential(t)
	start := random.Seed(t)
	n, mem := coretest.Network(t), vfs.NewCrashableMem()
	rng := rand.New(rand.NewPCG(start, 0))
	var state sync.Mutex // guards rng and requests
	requests := make(map[core.Hash]notedRequest)
	var writes atomic.Int64
	images, whole, absent := 0, 0, 0
	image := func() {
		state.Lock()
		defer state.Unlock()
		images++
		before := maps.Clone(requests)
		disk := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50 * rng.IntN(3), RNG: rand.New(rand.NewPCG(rng.Uint64(), 1))})
		s, err := Open("store", n, options(t, disk, func(*Options) {}))
		if err != nil {
			t.Errorf("opening an image: %v", err)
			return
		}
		defer s.Close()
		for _, r := range before {
			if survived(t, s, r) {
				whole++
			} else {
				absent++
			}
		}
	}
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && writes.Add(1)%7 == 0 {
			image()
		}
		return nil
	}))
	s, err := Open("store", n, options(t, fs, func(o *Options) { o.memtable = 64 << 10 }))
	if err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	for w := range 3 {
		workers.Go(func() {
			for i := range 40 {
				r := notedRequest{key: core.Hash{byte(w), byte(i)}, msgs: coretest.Messages(t, n, text("%d/%d ", w, i), 1+i%4)}
				state.Lock()
				requests[r.key] = r
				state.Unlock()
				acceptNoted(t, s, 1000, mempool.Note{Key: r.key}, r.msgs...)
				r.acked = true
				state.Lock()
				requests[r.key] = r
				state.Unlock()
			}
		})
	}
	workers.Wait()
	closeNow(t, s)
	t.Logf("%d images; requests in them: %d, not yet: %d", images, whole, absent)
	if images < 20 || whole < 100 || absent < 10 {
		t.Error("the load did not happen")
	}
}

// survived reports whether a request is in a store, which must hold all of it or nothing.
func survived(t *testing.T, s *Store, r notedRequest) bool {
	note, err := s.Note(r.key, 0, 2000)
	if err != nil && !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("Note: %v", err)
	}
	there := err == nil
	if there && len(note.Messages) != len(r.msgs) || !there && r.acked {
		t.Errorf("note of an acknowledged request (%v) of %d messages: %v, %v", r.acked, len(r.msgs), note, err)
	}
	for _, m := range r.msgs {
		if found, err := s.Lookup(m.ID); err != nil || (found == mempool.AlreadyWaiting) != there {
			t.Errorf("note there: %v, message %v: %v, %v", there, m.ID, found, err)
		}
	}
	return there
}
