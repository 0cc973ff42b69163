package exchange

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRoom fills the room with peers that read slowly. As long as nobody waits they keep it; then the
// slowest are ended, one after the other, and those who wait are served in time.
func TestRoom(t *testing.T) {
	const block, grace = 8 << 20, 2 * time.Second
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(8*block, grace)
		var ended []int
		start := time.Now()
		for i := range 8 { // from 32 KiB/s to 256 KiB/s
			if err := r.take(t.Context(), block); err != nil {
				t.Fatal(err)
			}
			rate := float64(32 << 10 * (i + 1))
			h := &hold{since: start, size: block, sent: func() int64 { return int64(rate * time.Since(start).Seconds()) }}
			stop := r.watch(h)
			h.end = func() { ended = append(ended, i); stop(); r.give(block) }
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if len(ended) > 0 {
			t.Errorf("%v were ended and nobody waits", ended)
		}
		for i := range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*grace)
			if err := r.take(ctx, block); err != nil {
				t.Errorf("number %d that waits: %v", i, err)
			}
			cancel()
		}
		if !slices.Equal(ended, []int{0, 1, 2, 3, 4}) {
			t.Errorf("%v were ended, want the five slowest", ended)
		}
	})
}

// TestRoomOfFastReaders ends nobody who reads at the rate, nor in the first moments of a block, nor
// two at once.
func TestRoomOfFastReaders(t *testing.T) {
	const grace = 2 * time.Second
	now := time.Now()
	sent := func(n int64) func() int64 { return func() int64 { return n } }
	for _, tt := range []struct {
		name  string
		holds []hold // with their end left out
		want  int
	}{
		{"at the rate", []hold{{since: now.Add(-grace), size: 8 << 20, sent: sent(2 * minBlockRate)}}, 0},
		{"has just begun", []hold{{since: now.Add(1 - grace), size: 8 << 20, sent: sent(0)}}, 0},
		{"below the rate", []hold{{since: now.Add(-grace), size: 8 << 20, sent: sent(2*minBlockRate - 1)}}, 1},
		{"two below the rate", []hold{{since: now.Add(-grace), size: 8 << 20, sent: sent(0)}, {since: now.Add(-grace), size: 8 << 20, sent: sent(0)}}, 1},
	} {
		r, ended := newRoom(1, grace), 0
		for _, h := range tt.holds {
			h.end = func() { ended++ }
			r.watch(&h)
		}
		r.endSlowest(now)
		r.endSlowest(now)
		if ended != tt.want {
			t.Errorf("%s: %d ended, want %d", tt.name, ended, tt.want)
		}
	}
}
