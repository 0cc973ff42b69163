package node

import (
	"context"
	"log/slog"
	"time"
)

const (
	guardEvery = 5 * time.Second
	// maxSkew is how far our clock may be from the median of our peers' before mining stops: blocks
	// from a wrong clock are refused by others, or make the chain too hard (DESIGN section 4).
	maxSkew = 60 * time.Second

	reasonDisk  = "low disk"
	reasonClock = "clock differs from the peers'"
)

// A pausable is the part of a miner that the guard needs.
type pausable interface {
	Pause(reason string)
	Resume(reason string)
}

// A guard pauses mining while something is wrong with this machine: too little disk space, or a
// clock that the peers do not share.
type guard struct {
	miner pausable
	disk  func() (used, free uint64, err error)
	skew  func() (time.Duration, bool) // false: no peers to compare with
	least uint64                       // bytes of free disk
	log   *slog.Logger

	lowDisk, wrongClock bool // as of the last look
}

// Run looks every few seconds until ctx ends, and then returns nil.
func (g *guard) Run(ctx context.Context) error {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		g.lookAtDisk()
		g.lookAtClock()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookAtDisk judges the free space once. Not knowing it is no reason to change anything.
func (g *guard) lookAtDisk() {
	_, free, err := g.disk()
	if err != nil {
		g.log.Warn("asking for free disk space", "err", err)
		return
	}
	g.turn(&g.lowDisk, free < g.least, reasonDisk, "free_mib", free>>20, "least_mib", g.least>>20)
}

// lookAtClock judges our clock once. Without peers it counts as right.
func (g *guard) lookAtClock() {
	skew, known := g.skew()
	g.turn(&g.wrongClock, known && skew.Abs() > maxSkew, reasonClock, "ahead", skew.Round(time.Millisecond))
}

// turn switches a reason on or off and says so once.
func (g *guard) turn(before *bool, now bool, reason string, attrs ...any) {
	if *before == now {
		return
	}
	*before = now
	if now {
		g.miner.Pause(reason)
		g.log.Error("mining pauses", append([]any{"reason", reason}, attrs...)...)
		return
	}
	g.miner.Resume(reason)
	g.log.Info("mining may go on", append([]any{"reason", reason}, attrs...)...)
}
