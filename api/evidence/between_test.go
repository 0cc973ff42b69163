package evidence

import (
	"testing"
	"time"

	"p2pchain/core"
)

func TestBetween(t *testing.T) {
	at := func(height uint64, text string) *Point {
		when, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return &Point{height, uint64(when.UnixMilli())}
	}
	for _, tt := range []struct {
		name          string
		after, before *Point
		want          string
	}{
		{"both", at(41, "2026-01-31T11:59:52Z"), at(42, "2026-01-31T12:00:06Z"),
			"written between block 41 and block 42, 11:59:52–12:00:06 by miners' clocks"},
		{"rounded away from each other", at(40, "2026-01-31T11:59:52.999Z"), at(42, "2026-01-31T12:00:06.001Z"),
			"written between block 40 and block 42, 11:59:52–12:00:07 by miners' clocks"},
		{"across days", at(41, "2026-01-31T23:59:52Z"), at(43, "2026-02-01T00:00:06Z"),
			"written between block 41 and block 43, 2026-01-31 23:59:52 – 2026-02-01 00:00:06 by miners' clocks"},
		{"rounded into the next day", at(41, "2026-01-31T23:59:52Z"), at(43, "2026-01-31T23:59:59.001Z"),
			"written between block 41 and block 43, 2026-01-31 23:59:52 – 2026-02-01 00:00:00 by miners' clocks"},
		{"same time of another day", at(41, "2026-01-31T12:00:00Z"), at(43, "2026-03-31T12:00:00Z"),
			"written between block 41 and block 43, 2026-01-31 12:00:00 – 2026-03-31 12:00:00 by miners' clocks"},
		{"nothing on top", at(41, "2026-01-31T11:59:52.5Z"), nil,
			"written after block 41, 2026-01-31 11:59:52 by its miner's clock; no block on top of block 42 says yet until when"},
		{"nothing seen", nil, at(43, "2026-01-31T12:00:06.001Z"),
			"written before block 43, 2026-01-31 12:00:07 by its miner's clock; the message does not prove since when"},
		{"neither", nil, nil,
			"written before block 42 was there; the message does not prove since when, and no block on top says yet until when"},
		{"the last time", &Point{1, 0}, &Point{3, core.MaxTimeMS},
			"written between block 1 and block 3, 1970-01-01 00:00:00 – 10000-01-01 00:00:00 by miners' clocks"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Between(tt.after, 42, tt.before); got != tt.want {
				t.Errorf("Between = %q\nwant      %q", got, tt.want)
			}
		})
	}
}
