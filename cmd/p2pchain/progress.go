package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"p2pchain/api"
)

const (
	progressEvery = 250 * time.Millisecond // on a terminal
	progressLog   = 10 * time.Second       // elsewhere, as a line of the log
	barCells      = 10
	lineColumns   = 79 // fits every terminal, and a line that wraps cannot be drawn anew

	// The words of p2p/syncer that mean that there is nothing to show.
	stateSynced = api.SyncSynced
	stateAlone  = api.SyncAlone
)

// followSync shows how the sync of a node goes until the returned function is called: on a terminal as
// a line that changes in place, else as a line of the log now and then.
func followSync(ctx context.Context, ask func() api.Sync, live *liveLine, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var shown sync.WaitGroup
	shown.Go(func() {
		if live != nil {
			drawSync(ctx, ask, live)
		} else {
			logSync(ctx, ask, log)
		}
	})
	return func() {
		cancel()
		shown.Wait()
	}
}

// drawSync draws the line while there is a sync. One that is over at the next look, as after every
// single block that arrives, is not worth a flicker.
func drawSync(ctx context.Context, ask func() api.Sync, live *liveLine) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	before := false
	for {
		select {
		case <-ctx.Done():
			_ = live.show("") // a terminal that is gone concerns nobody
			return
		case <-tick.C:
		}
		s := ask()
		line := ""
		if isBehind(s) && before {
			line = syncLine(s)
		}
		before = isBehind(s)
		_ = live.show(line)
	}
}

// logSync logs a sync that takes long.
func logSync(ctx context.Context, ask func() api.Sync, log *slog.Logger) {
	tick := time.NewTicker(progressLog)
	defer tick.Stop()
	before := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s := ask()
		if isBehind(s) && before {
			attrs := []any{"height", s.Height, "target", s.Target, "blocks_per_second", int64(s.BlocksPerSecond),
				"messages_per_second", int64(s.MessagesPerSecond), "bytes_per_second", int64(s.BytesPerSecond)}
			if s.ETASeconds != nil {
				attrs = append(attrs, "left", seconds(*s.ETASeconds))
			}
			log.Info("syncing", attrs...)
		}
		before = isBehind(s)
	}
}

// isBehind reports whether a sync goes on.
func isBehind(s api.Sync) bool {
	return s.State != stateSynced && s.State != stateAlone && s.Target > s.Height
}

// syncLine describes a sync on one line for a terminal.
func syncLine(s api.Sync) string {
	line := fmt.Sprintf("%s %s/%s", bar(s.Height, s.Target), grouped(s.Height), grouped(s.Target))
	if headers := max(s.BestHeader, s.Walked); s.BlocksPerSecond < 0.05 && headers < s.Target {
		line = fmt.Sprintf("%s headers %s/%s", bar(headers, s.Target), grouped(headers), grouped(s.Target))
	}
	left := ""
	if s.ETASeconds != nil {
		left = "  " + seconds(*s.ETASeconds).String() + " left"
	}
	for _, rate := range rates(s) {
		if len(line)+2+len(rate)+len(left) <= lineColumns {
			line += "  " + rate
		}
	}
	return line + left
}

// rates says how fast a sync is, the most telling figure first, without those that are not known.
func rates(s api.Sync) []string {
	var out []string
	if s.BlocksPerSecond > 0 {
		out = append(out, perSecond(s.BlocksPerSecond)+" blocks/s")
	}
	if s.MessagesPerSecond > 0 {
		out = append(out, perSecond(s.MessagesPerSecond)+" msg/s")
	}
	if s.BytesPerSecond > 0 {
		out = append(out, fmt.Sprintf("%.1f MB/s", s.BytesPerSecond/1e6))
	}
	return out
}

// bar draws how much is done.
func bar(done, all uint64) string {
	cells := 0
	if all > 0 {
		cells = int(float64(min(done, all)) / float64(all) * barCells)
	}
	return "[" + strings.Repeat("#", cells) + strings.Repeat("-", barCells-cells) + "]"
}

// perSecond writes a rate without decimals that nobody reads.
func perSecond(rate float64) string {
	if rate < 10 {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return grouped(uint64(math.Round(rate)))
}

// grouped writes a number with commas between thousands.
func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// seconds turns a number of seconds into a duration that is fit to read.
func seconds(s float64) time.Duration {
	const most = 1000 * time.Hour
	if !(s < most.Seconds()) {
		return most
	}
	d := time.Duration(max(0, s) * float64(time.Second))
	if d > time.Hour {
		return d.Round(time.Minute)
	}
	return d.Round(time.Second)
}
