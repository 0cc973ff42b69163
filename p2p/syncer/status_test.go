package syncer

import (
	"math"
	"testing"
	"time"

	"p2pchain/core"
)

// TestMeter holds that a steady rate is told from the first seconds on, that a change of it is seen
// within some ten seconds, and that a pause is not part of the next sync.
func TestMeter(t *testing.T) {
	var m meter
	now := time.UnixMilli(946684800000)
	step := arrival{block: &core.Block{Messages: make([]*core.Message, 3)}, size: 700}
	feed := func(seconds, blocks int) {
		for range seconds {
			now = now.Add(time.Second)
			batch := make([]arrival, blocks)
			for i := range batch {
				batch[i] = step
			}
			m.add(now, amountOf(batch))
		}
	}
	expect := func(when string, blocks, tolerance float64) {
		t.Helper()
		got := m.rate(now)
		want := amount{blocks, 3 * blocks, 700 * blocks}
		for _, v := range [][2]float64{{got.blocks, want.blocks}, {got.messages, want.messages}, {got.bytes, want.bytes}} {
			if math.Abs(v[0]-v[1]) > tolerance*v[1] {
				t.Errorf("%s: %+v, want %+v", when, got, want)
				return
			}
		}
	}
	if got := m.rate(now); got != (amount{}) {
		t.Errorf("before all: %+v", got)
	}
	feed(3, 100)
	expect("after three seconds", 100, 0.6)
	feed(7, 100)
	expect("after ten seconds", 100, 0.2)
	feed(60, 100)
	expect("after a minute", 100, 0.06)
	feed(30, 10)
	expect("slower", 10, 0.6)
	now = now.Add(time.Hour)
	if got := m.rate(now); got.blocks > 1e-6 {
		t.Errorf("after an hour without a block: %+v", got)
	}
	feed(10, 50)
	expect("the next sync", 50, 0.2)
}
