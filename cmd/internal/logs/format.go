package logs

import (
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// A line is what was said, ready to be written in any form.
type line struct {
	time   time.Time
	level  slog.Level
	part   string
	text   string
	fields []field
}

// A format writes a line, with its newline, behind what is there.
type format func(to []byte, l *line) []byte

// jsonTime is RFC 3339 with milliseconds.
const jsonTime = "2006-01-02T15:04:05.000Z07:00"

// jsonLine writes a line as one JSON object. Its first keys are time, level, msg and part.
func jsonLine(to []byte, l *line) []byte {
	to = append(to, `{"time":"`...)
	to = l.time.AppendFormat(to, jsonTime)
	to = append(to, `","level":`...)
	to = appendJSON(to, l.level.String())
	to = append(to, `,"msg":`...)
	to = appendJSON(to, l.text)
	if l.part != "" {
		to = append(to, `,"part":`...)
		to = appendJSON(to, l.part)
	}
	for _, f := range l.fields {
		key := f.key
		switch key {
		case "time", "level", "msg", "part":
			key = "_" + key // nothing comes twice
		}
		to = append(to, ',')
		to = appendJSON(to, key)
		to = append(to, ':')
		to = appendJSONValue(to, f.value)
	}
	return append(to, "}\n"...)
}

func appendJSONValue(to []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindBool:
		return strconv.AppendBool(to, v.Bool())
	case slog.KindInt64:
		return strconv.AppendInt(to, v.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(to, v.Uint64(), 10)
	case slog.KindFloat64:
		if f := v.Float64(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return strconv.AppendFloat(to, f, 'g', -1, 64)
		}
	}
	return appendJSON(to, v.String())
}

// appendJSON writes a text as a JSON string of printable characters only.
func appendJSON(to []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(u uint16) {
		to = append(to, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	to = append(to, '"')
	for _, r := range s { // a byte that is no UTF-8 is U+FFFD
		switch {
		case r == '"' || r == '\\':
			to = append(to, '\\', byte(r))
		case r == '\n':
			to = append(to, `\n`...)
		case strconv.IsPrint(r):
			to = utf8.AppendRune(to, r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			unit(uint16(high))
			unit(uint16(low))
		default:
			unit(uint16(r))
		}
	}
	return append(to, '"')
}

// A look is how lines for people are written.
type look struct {
	colours bool
	dates   bool // the date, too: what is not on a terminal is read later
}

// The colours of a terminal.
const (
	plainly = "\x1b[0m"
	faint   = "\x1b[2m"
	red     = "\x1b[1;31m"
	yellow  = "\x1b[33m"
	green   = "\x1b[32m"
	blue    = "\x1b[34m"
)

// line writes a line for people: when, how bad, which part, what, and the values.
func (k look) line(to []byte, l *line) []byte {
	layout := "15:04:05.000"
	if k.dates {
		layout = jsonTime
	}
	to = k.in(to, faint, l.time.Format(layout))
	to = append(to, ' ')
	to = k.in(to, colourOf(l.level), padded(l.level.String(), 5))
	to = append(to, ' ')
	to = k.in(to, blue, padded(orNode(l.part), 9))
	to = append(to, ' ')
	to = appendText(to, l.text)
	for _, f := range l.fields {
		to = append(to, ' ')
		to = k.in(to, faint, string(appendValue(nil, f.key))+"=")
		to = appendValue(to, f.value.String())
	}
	return append(to, '\n')
}

// in writes a text in a colour, where there are any.
func (k look) in(to []byte, colour, text string) []byte {
	if !k.colours {
		return append(to, text...)
	}
	return append(append(append(to, colour...), text...), plainly...)
}

func colourOf(level slog.Level) string {
	switch {
	case level >= slog.LevelError:
		return red
	case level >= slog.LevelWarn:
		return yellow
	case level >= slog.LevelInfo:
		return green
	}
	return faint
}

func orNode(part string) string {
	if part == "" {
		return "node"
	}
	return part
}

func padded(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-len(s)))
}

// appendText writes a text as it is where it can be taken for nothing else, quoted otherwise.
func appendText(to []byte, s string) []byte {
	if s == "" || strings.HasPrefix(s, " ") || strings.HasSuffix(s, " ") || strings.ContainsFunc(s, confusing) {
		return strconv.AppendQuote(to, s)
	}
	return append(to, s...)
}

// appendValue is appendText for what ends with a space.
func appendValue(to []byte, s string) []byte {
	if strings.Contains(s, " ") {
		return strconv.AppendQuote(to, s)
	}
	return appendText(to, s)
}

// confusing reports whether a character could end a text, or do something to the terminal.
func confusing(r rune) bool {
	return r == '"' || r == '=' || r == '\\' || r == utf8.RuneError || !strconv.IsPrint(r)
}
