package node

import (
	"context"
	"log/slog"
	"time"

	"p2pchain/p2p/syncer"
)

const (
	guardEvery = 5 * time.Second
	syncEvery  = 200 * time.Millisecond // a block mined on an old tip is work for nothing, and a reorg for others
	// maxSkew is how far our clock may be from the median of our peers' before mining stops: blocks
	// from a wrong clock are refused by others, or make the chain too hard (docs/formats.md, Rules).
	maxSkew = 60 * time.Second

	// maxBehind is how many blocks the tip may be behind the best header while blocks come in. What
	// is mined further down is stale before it is found.
	maxBehind = 6
	// minRate is how many blocks a second must come in for that to count after the first firstBlocks:
	// an average never quite reaches zero.
	minRate     = 0.01
	firstBlocks = 10 * time.Second

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

	behindSince time.Time // since when the tip is too far behind; zero while it is not
}

// Run looks at the sync several times a second, and at the rest every few, until ctx ends, and then
// returns nil.
func (g *guard) Run(ctx context.Context) error {
	slow, quick := time.NewTicker(guardEvery), time.NewTicker(syncEvery)
	defer slow.Stop()
	defer quick.Stop()
	g.lookAtDisk(ctx)
	g.lookAtClock(ctx)
	for {
		g.lookAtSync(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-quick.C:
		case <-slow.C:
			g.lookAtDisk(ctx)
			g.lookAtClock(ctx)
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
	switch far := s.BestHeader > s.Height+maxBehind; {
	case !far:
		g.behindSince = time.Time{}
	case g.behindSince.IsZero():
		g.behindSince = time.Now()
	}
	behind := !g.behindSince.IsZero() && (s.Rate > minRate || time.Since(g.behindSince) < firstBlocks)
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
	g.log.Info("mining may go on", append([]any{"paused_for", reason}, attrs...)...)
}
