package store

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// TestStats has a sync of the log for every batch that is alone, and nothing after Close.
func TestStats(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	before, err := s.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		accept(t, s, true, mempool.Accepted, coretest.Message(t, n, coretest.Key(0), text("message %d", i)))
	}
	got, err := s.Stats()
	if err != nil || got.Batches != before.Batches+5 || got.Failed || got.LogBytes <= before.LogBytes {
		t.Errorf("Stats = %+v, %v after %+v", got, err, before)
	}
	var syncs uint64
	for i := range got.Log.Took {
		syncs += got.Log.Took[i] - before.Log.Took[i]
	}
	if syncs != 5 || len(got.Log.Took) != len(SyncBuckets())+1 {
		t.Errorf("%d syncs of the log in %d buckets, want 5 in %d", syncs, len(got.Log.Took), len(SyncBuckets())+1)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Stats(); !errors.Is(err, ErrClosed) {
		t.Errorf("Stats after Close: %v", err)
	}
}
