package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/p2p/syncer"
)

// A pausedMiner knows why.
type pausedMiner map[string]bool

func (p pausedMiner) Pause(reason string)  { p[reason] = true }
func (p pausedMiner) Resume(reason string) { delete(p, reason) }

func (p pausedMiner) reasons() string {
	return strings.Join(slices.Sorted(maps.Keys(p)), ", ")
}

// A machine is what the guard looks at.
type machine struct {
	free    uint64
	diskErr error
	skew    time.Duration
	alone   bool
	sync    syncer.Status
}

// TestGuard takes a node through a full disk and a wrong clock, to both sides of each limit.
func TestGuard(t *testing.T) {
	const least = 50
	synctest.Test(t, func(t *testing.T) {
		miner := make(pausedMiner)
		var now atomic.Pointer[machine]
		now.Store(&machine{free: 2 * least})
		g := &guard{
			miner: miner, least: least, log: slog.New(slog.DiscardHandler),
			disk: func() (uint64, uint64, error) { return 0, now.Load().free, now.Load().diskErr },
			skew: func() (time.Duration, bool) { return now.Load().skew, !now.Load().alone },
			sync: func() syncer.Status { return now.Load().sync },
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		synctest.Wait() // the first look is at once
		for _, tt := range []struct {
			name string
			now  machine
			want string
		}{
			{"well", machine{free: 2 * least}, ""},
			{"disk at the limit", machine{free: least}, ""},
			{"disk low", machine{free: least - 1}, reasonDisk},
			{"disk does not tell", machine{diskErr: errors.New("unknown")}, reasonDisk},
			{"clock at the limit", machine{free: least - 1, skew: maxSkew}, reasonDisk},
			{"clock behind", machine{free: least - 1, skew: -maxSkew - time.Millisecond}, reasonClock + ", " + reasonDisk},
			{"disk freed", machine{free: least, skew: -maxSkew - time.Millisecond}, reasonClock},
			{"nobody to compare with", machine{free: least, skew: -maxSkew - time.Millisecond, alone: true}, ""},
			{"clock ahead", machine{free: least, skew: 2 * maxSkew}, reasonClock},
			{"clock set right", machine{free: least}, ""},
			{"a few blocks behind, much more claimed", machine{free: least, sync: syncer.Status{Height: 10, BestHeader: 16, Target: 5000, Rate: 1}}, ""},
			{"headers came, and no block yet", machine{free: least, sync: syncer.Status{Height: 10, BestHeader: 17}}, reasonSync},
			{"catching up", machine{free: least, sync: syncer.Status{Height: 10, BestHeader: 17, Target: 5000, Rate: 1}}, reasonSync},
			{"far behind headers whose blocks came to an end", machine{free: least, sync: syncer.Status{Height: 10, BestHeader: 17, Target: 5000, Rate: 0.001}}, ""},
			{"nobody gives the blocks", machine{free: least, sync: syncer.Status{Height: 10, BestHeader: 17, Target: 5000}}, ""},
			{"caught up", machine{free: least, sync: syncer.Status{Height: 16, BestHeader: 17}}, ""},
			{"headers of another branch", machine{free: least, sync: syncer.Status{Height: 16, BestHeader: 23}}, reasonSync},
		} {
			now.Store(&tt.now)
			time.Sleep(guardEvery) // of the bubble's clock
			synctest.Wait()
			if got := miner.reasons(); got != tt.want {
				t.Errorf("%s: paused for %q, want %q", tt.name, got, tt.want)
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
