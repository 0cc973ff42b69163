package mempool_test

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// TestStats has every message that Add is given in one of the counts.
func TestStats(t *testing.T) {
	const limit = 40_000
	w := newWorld(t, func(c *mempool.Config) { c.MaxBytes = limit })
	mine, theirs := w.messages("mine", 3), w.messages("theirs", 2)
	w.add(local, mine...)
	w.add(foreign, theirs...)
	bad := *coretest.Message(t, w.n, coretest.Key(0), "bad")
	bad.Signature[5] ^= 1
	w.pool.Add([]*core.Message{mine[0], &bad}, local)
	full := len(w.fillFrom(local, "m", 0))

	got := w.pool.Stats()
	if want := (mempool.Counts{Accepted: uint64(3 + full), Known: 1, Invalid: 1, Full: 1}); got.Local != want {
		t.Errorf("local: %+v, want %+v", got.Local, want)
	}
	if want := (mempool.Counts{Accepted: 2}); got.Foreign != want {
		t.Errorf("foreign: %+v, want %+v", got.Foreign, want)
	}
}
