package node

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/p2p/syncer"
)

// A paused miner knows why.
type pausedMiner map[string]bool

func (p pausedMiner) Pause(reason string)  { p[reason] = true }
func (p pausedMiner) Resume(reason string) { delete(p, reason) }

func (p pausedMiner) reasons() string {
	return strings.Join(slices.Sorted(maps.Keys(p)), ", ")
}

// TestGuard takes a node through a full disk and a wrong clock, to both sides of each limit.
func TestGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		miner := make(pausedMiner)
		const least = 50
		var free uint64 = 100
		var diskErr error
		var skew time.Duration
		known := true
		var sync syncer.Status
		g := &guard{
			miner: miner, least: least, log: slog.New(slog.DiscardHandler),
			disk: func() (uint64, uint64, error) { return 0, free, diskErr },
			skew: func() (time.Duration, bool) { return skew, known },
			sync: func() syncer.Status { return sync },
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.Run(ctx) }()
		step := func(name, want string) {
			t.Helper()
			time.Sleep(guardEvery) // of the bubble's clock
			synctest.Wait()
			if got := miner.reasons(); got != want {
				t.Errorf("%s: paused for %q, want %q", name, got, want)
			}
		}
		step("well", "")
		free = least
		step("disk at the limit", "")
		free = least - 1
		step("disk low", reasonDisk)
		diskErr = errors.New("unknown")
		step("disk does not tell", reasonDisk)
		diskErr = nil
		skew = maxSkew
		step("clock at the limit", reasonDisk)
		skew = -maxSkew - time.Millisecond
		step("clock behind", reasonClock+", "+reasonDisk)
		free = least
		step("disk freed", reasonClock)
		known = false
		step("nobody to compare with", "")
		known, skew = true, 2*maxSkew
		step("clock ahead", reasonClock)
		skew = 0
		step("clock set right", "")
		sync = syncer.Status{Height: 10, BestHeader: 16, Target: 5000, Rate: 1}
		step("a few blocks behind, much more claimed", "")
		sync.BestHeader = 17
		step("catching up", reasonSync)
		sync.Rate = 0
		step("nobody gives the blocks", "")
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
