package evidence

import (
	"fmt"
	"strconv"
	"strings"

	"p2pchain/core"
)

// HashRate is what one core of a laptop is assumed to try in a second: an assumption for people to
// compare with, not a figure of anybody's machine. With SHA instructions, one core tried 36 to 61 million
// with this program's miner when it was measured (docs/benchmarks.md), without them 9 to 12.
const HashRate = 50e6

// Hours returns how long a core needs for some work on average, at so many hashes a second.
func Hours(work core.Work, rate float64) float64 { return work.Float() / rate / 3600 }

// leastHours is the least time that is told in hours.
const leastHours = 0.001

// Effort says an amount of work in hashes and in hours of one laptop core.
func Effort(work core.Work, rate float64) string {
	hours := Hours(work, rate)
	text := fmt.Sprintf("%s hashes, %s hours of one laptop core", grouped(work.String()), significant(hours))
	if hours > 0 && hours < leastHours {
		text = fmt.Sprintf("%s hashes, less than %v hours of one laptop core", grouped(work.String()), leastHours)
	}
	for _, unit := range []struct {
		hours float64
		name  string
	}{{24 * 365.25, "years"}, {24, "days"}} {
		if hours >= 2*unit.hours {
			return fmt.Sprintf("%s (%s %s)", text, significant(hours/unit.hours), unit.name)
		}
	}
	switch seconds := hours * 3600; {
	case seconds == 0 || hours >= 1:
		return text
	case seconds < 1:
		return fmt.Sprintf("%s (%s milliseconds)", text, significant(seconds*1000))
	case seconds < 120:
		return fmt.Sprintf("%s (%s seconds)", text, significant(seconds))
	}
	return fmt.Sprintf("%s (%s minutes)", text, significant(hours*60))
}

// Rate says a hash rate.
func Rate(rate float64) string { return significant(rate/1e6) + " million hashes a second" }

// significant writes a number with two digits that count, and larger ones in full, without an exponent.
func significant(x float64) string {
	if x >= 10 {
		return grouped(strconv.FormatFloat(x, 'f', 0, 64))
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 1, 64), 64)
	if err != nil {
		panic(err) // it was written by this very package
	}
	return strconv.FormatFloat(short, 'f', -1, 64)
}

// grouped writes decimal digits with a comma before every three.
func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}
