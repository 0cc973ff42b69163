package node

import (
	"context"
	"log/slog"
	"time"

	"p2pchain/p2p/syncer"
)

const (
	guardEvery = 5 * time.Second
	// maxSkew is how far our clock may be from the median of our peers' before mining stops: blocks
	// from a wrong clock are refused by others, or make the chain too hard (DESIGN section 4).
	maxSkew = 60 * time.Second

	// maxBehind is how many blocks the tip may be behind the best header while blocks come in. What
	// is mined further down is stale before it is found.
	maxBehind = 6
	// minRate is how many blocks a second must come in for that to count: an average never quite
	// reaches zero.
	minRate = 0.01

	reasonDisk  = "low disk"
	reasonClock = "clock differs from the peers'"
	reasonSync  = "catching up"
)

// A pausable is the part of a miner that the guard needs.
type pausable interface {
	Pause(reason string)
	Resume(reason string)
}

// A guard pauses mining while it would be wrong or in vain: too little disk space, a clock that the
// peers do not share, or a chain that is still being fetched.
type guard struct {
	miner pausable
	disk  func() (used, free uint64, err error)
	skew  func() (time.Duration, bool) // false: no peers to compare with
	sync  func() syncer.Status
	least uint64 // bytes of free disk
	log   *slog.Logger

	lowDisk, wrongClock, catchingUp bool // as of the last look
}

// Run looks every few seconds until ctx ends, and then returns nil.
func (g *guard) Run(ctx context.Context) error {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		g.lookAtDisk(ctx)
		g.lookAtClock(ctx)
		g.lookAtSync(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookAtDisk judges the free space once. Not knowing it is no reason to change anything.
func (g *guard) lookAtDisk(ctx context.Context) {
	_, free, err := g.disk()
	if err != nil {
		g.log.Warn("asking for free disk space", "err", err)
		return
	}
	g.turn(ctx, slog.LevelError, &g.lowDisk, free < g.least, reasonDisk, "free_mib", free>>20, "least_mib", g.least>>20)
}

// lookAtClock judges our clock once. Without peers it counts as right.
func (g *guard) lookAtClock(ctx context.Context) {
	skew, known := g.skew()
	g.turn(ctx, slog.LevelError, &g.wrongClock, known && skew.Abs() > maxSkew, reasonClock, "ahead", skew.Round(time.Millisecond))
}

// lookAtSync compares the tip with the best header, whose work is proven: what peers merely claim must
// not stop anybody's mining, and neither must headers whose blocks nobody gives away.
func (g *guard) lookAtSync(ctx context.Context) {
	s := g.sync()
	behind := s.BestHeader > s.Height+maxBehind && s.Rate > minRate
	g.turn(ctx, slog.LevelInfo, &g.catchingUp, behind, reasonSync, "height", s.Height, "target", s.BestHeader)
}

// turn switches a reason on or off and says so once.
func (g *guard) turn(ctx context.Context, level slog.Level, before *bool, now bool, reason string, attrs ...any) {
	if *before == now {
		return
	}
	*before = now
	if now {
		g.miner.Pause(reason)
		g.log.Log(ctx, level, "mining pauses", append([]any{"reason", reason}, attrs...)...)
		return
	}
	g.miner.Resume(reason)
	g.log.Info("mining may go on", append([]any{"reason", reason}, attrs...)...)
}
