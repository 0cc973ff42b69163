package main

import (
	"fmt"
	"time"
)

// A meter shows on a terminal how far a long command is; elsewhere it is nil and shows nothing.
type meter struct {
	live  *liveLine
	began time.Time
	first uint64 // what was done before
	shown time.Time
}

// newMeter returns a meter of something of which a part is done already.
func (a *app) newMeter(first uint64) *meter {
	if a.shared.json || !a.isLive(a.stderr) {
		return nil
	}
	return &meter{live: &liveLine{w: a.stderr}, began: time.Now(), first: first}
}

// show draws how much is done of all, which is 0 where nobody knows, and how fast bytes came.
func (m *meter) show(done, all uint64, bytes int64, what string) {
	if m == nil || time.Since(m.shown) < progressEvery {
		return
	}
	m.shown = time.Now()
	_ = m.live.show(meterLine(m.first, done, all, bytes, what, m.shown.Sub(m.began))) // a terminal that is gone concerns nobody
}

// meterLine describes progress on one line.
func meterLine(first, done, all uint64, bytes int64, what string, took time.Duration) string {
	line := what
	if all > 0 {
		line = fmt.Sprintf("%s %3.0f%%  %s", bar(done, all), 100*float64(min(done, all))/float64(all), what)
	}
	if took <= 0 {
		return line
	}
	line += fmt.Sprintf("  %.1f MB/s", float64(bytes)/took.Seconds()/1e6)
	if all > done && done > first {
		line += "  " + seconds(took.Seconds()/float64(done-first)*float64(all-done)).String() + " left"
	}
	return line
}

// end takes the line away.
func (m *meter) end() {
	if m != nil {
		_ = m.live.show("")
	}
}
