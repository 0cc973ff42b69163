package evidence

import (
	"fmt"
	"strings"
	"time"
)

// A Point is a block as a bound of time: its height, and its time by its miner's clock in Unix
// milliseconds.
type Point struct {
	Height uint64
	TimeMS uint64
}

// Between says when the message of the block at a height was written.
//
// after is the block that the message names as seen: its hash is in what the author signed, so nobody
// can have written the message before that block was there. before is the block on top of the message's
// own: the time of the own block is not bound enough, since its miner can date it back into a gap when
// nothing was mined, while the next one was made by whoever came later. Either is nil where the chain
// has none. Times are rounded away from each other to whole seconds, and are in UTC.
func Between(after *Point, own uint64, before *Point) string {
	return between(after, own, before, span)
}

func between(after *Point, own uint64, before *Point, span func(fromMS, toMS uint64) string) string {
	switch {
	case after != nil && before != nil:
		return fmt.Sprintf("written between block %d and block %d, %s by miners' clocks", after.Height, before.Height, span(after.TimeMS, before.TimeMS))
	case after != nil:
		return fmt.Sprintf("written after block %d, %s by its miner's clock; no block on top of block %d says yet until when",
			after.Height, down(after.TimeMS).Format(dayAndTime), own)
	case before != nil:
		return fmt.Sprintf("written before block %d, %s by its miner's clock; the message does not prove since when",
			before.Height, up(before.TimeMS).Format(dayAndTime))
	}
	return fmt.Sprintf("written before block %d was there; the message does not prove since when, and no block on top says yet until when", own)
}

const dayAndTime = "2006-01-02 15:04:05"

// span returns two times, with their days where these differ.
func span(fromMS, toMS uint64) string {
	from, to := down(fromMS), up(toMS)
	if from.Format(time.DateOnly) == to.Format(time.DateOnly) {
		return from.Format(time.TimeOnly) + "–" + to.Format(time.TimeOnly)
	}
	return from.Format(dayAndTime) + " – " + to.Format(dayAndTime)
}

// dated returns two times with the day, which whoever reads a proof in ten years does not know.
func dated(fromMS, toMS uint64) string {
	if text := span(fromMS, toMS); strings.Contains(text, " ") {
		return text
	}
	return down(fromMS).Format(time.DateOnly) + " " + span(fromMS, toMS)
}

// down returns the whole second before a time.
func down(ms uint64) time.Time { return time.UnixMilli(int64(ms)).UTC().Truncate(time.Second) }

// up returns the whole second after a time.
func up(ms uint64) time.Time {
	t := down(ms)
	if ms%1000 > 0 {
		t = t.Add(time.Second)
	}
	return t
}
