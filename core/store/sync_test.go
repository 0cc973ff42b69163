package store

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// slowLog makes each sync of a log file call f first.
func slowLog(f func()) *faulty {
	return newFaulty(vfs.NewMem(), func(op errorfs.Op) error {
		switch op.Kind {
		case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
			if strings.HasSuffix(op.Path, ".log") {
				f()
			}
		}
		return nil
	})
}

// Whoever brings a message that is on its way to the disk for somebody else waits with him.
func TestDuplicateWaitsForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := coretest.Network(t)
		disk := make(chan struct{})
		fs := slowLog(func() { <-disk })
		s := open(t, n, fs)
		m := coretest.Messages(t, n, "m", 2)
		accept(t, s, true, mempool.Accepted, m[1])
		fs.on.Store(true)
		var returned atomic.Int32
		var clients sync.WaitGroup
		send := func(m *core.Message) {
			clients.Go(func() {
				if _, err := s.Accept([]*core.Message{m}, true, 1); err != nil {
					t.Error(err)
				}
				returned.Add(1)
			})
			synctest.Wait()
		}
		send(m[0])
		send(m[0])
		if returned.Load() != 0 {
			t.Errorf("%d of 2 clients were told that the message is safe before it is", returned.Load())
		}
		fs.on.Store(false)
		close(disk)
		clients.Wait()
	})
}

// A known message that is on disk already costs no sync.
func TestDuplicateOnDisk(t *testing.T) {
	n := coretest.Network(t)
	var syncs atomic.Int32
	fs := slowLog(func() { syncs.Add(1) })
	s := open(t, n, fs)
	m := coretest.Message(t, n, coretest.Key(0), "m")
	accept(t, s, true, mempool.Accepted, m)
	fs.on.Store(true)
	accept(t, s, true, mempool.AlreadyWaiting, m)
	if syncs.Load() != 0 {
		t.Errorf("%d syncs for a message that is on disk", syncs.Load())
	}
	fs.on.Store(false)
}

// Clients share a sync: while the disk is busy with the first of 64 messages, the others queue, and
// one more sync takes them all.
func TestClientsShareSyncs(t *testing.T) {
	n := coretest.Network(t)
	var syncs atomic.Int32
	disk := make(chan struct{})
	fs := slowLog(func() { syncs.Add(1); <-disk })
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 64)
	fs.on.Store(true)
	var clients sync.WaitGroup
	for i := range m {
		clients.Go(func() {
			if _, err := s.Accept(m[i:i+1], true, 1); err != nil {
				t.Error(err)
			}
		})
	}
	for count := 0; count < len(m); count, _ = s.WaitingTotals() {
		runtime.Gosched() // until all are applied
	}
	close(disk)
	clients.Wait()
	fs.on.Store(false)
	if syncs.Load() > 3 {
		t.Errorf("%d syncs for 64 clients at once", syncs.Load())
	}
}
