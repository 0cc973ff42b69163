package store

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// TestKilledAgain kills a store that did little, again and again: what the database leaves between two of
// its starts is no damage, and nothing that was acknowledged is lost.
func TestKilledAgain(t *testing.T) {
	n := coretest.Network(t)
	disk := vfs.NewCrashableMem()
	var acked []core.Hash
	for life := range 6 {
		s, err := Open("store", n, options(t, disk))
		if err != nil {
			t.Fatalf("life %d: %v", life, err)
		}
		if got := waiting(t, s); len(got) != len(acked) {
			t.Fatalf("life %d: %d messages wait, want %d", life, len(got), len(acked))
		}
		m := coretest.Message(t, n, coretest.Key(0), text("of life %d", life))
		accept(t, s, true, mempool.Accepted, m)
		acked = append(acked, m.ID)
		disk = disk.CrashClone(vfs.CrashCloneCfg{})
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
