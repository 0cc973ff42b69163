package web

import (
	"cmp"
	"fmt"
	"html/template"
	"reflect"
	"strings"
	"unicode"

	"p2pchain/api"
	"p2pchain/api/receipt"
	"p2pchain/core"
)

// funcs are what templates call.
func (s *Site) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t":         func(key string, args ...any) string { return s.texts.say(lang, key, args...) },
		"count":     func(key string, n any, args ...any) string { return s.plural(lang, key, n, args...) },
		"say":       func(key string, args []any) string { return s.texts.say(lang, key, args...) },
		"list":      func(items ...any) []any { return items },
		"texts":     func(keys ...string) map[string]string { return s.texts.some(lang, keys) },
		"languages": s.texts.languages,
		"asset":     s.address,
		"short":     short,
		"tail":      tail,
		"safe":      safeText,
		"number":    func(n any) string { return grouped(lang, n) },
		"stamp":     stamp,
		"stampUp":   func(t api.Time) string { return stamp(t + 999) }, // an upper bound is rounded up
		"rate":      rate,
		"rows":      rowsOf,
		"span":      func(tries uint64) string { return s.span(lang, float64(tries)/1e6) }, // at a million a second
		"excerpt":   excerpt,
		"record":    recorder{func(key string, args ...any) string { return s.texts.say(lang, key, args...) }, func(n any) string { return grouped(lang, n) }}.record,
		"faults":    func() (map[string]string, error) { return receipt.Faults(lang) },
		"text":      func(s *string) string { return *cmp.Or(s, new(string)) },
	}
}

// plural returns the text of key.one or key.many, whose first argument is the number.
func (s *Site) plural(lang, key string, n any, args ...any) string {
	form := ".many"
	if fmt.Sprint(n) == "1" {
		form = ".one"
	}
	return s.texts.say(lang, key+form, append([]any{grouped(lang, n)}, args...)...)
}

// grouped writes a whole number with the separators of a language between thousands.
func grouped(lang string, n any) string {
	digits, separator := fmt.Sprint(reflect.Indirect(reflect.ValueOf(n))), ","
	if lang == "de" {
		separator = "."
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + separator + digits[at:]
	}
	return digits
}

// short returns the ends of a hash, a key or a peer id.
func short(v any) string {
	text := fmt.Sprint(v)
	if h, ok := v.(*core.Hash); ok {
		text = h.String()
	}
	if len(text) <= 16 {
		return text
	}
	return text[:8] + "…" + text[len(text)-6:]
}

// tail returns the end of a peer id; the beginnings of these are all alike.
func tail(id string) string { return "…" + id[max(0, len(id)-6):] }

// stamp returns a time as people read it without their own clock: UTC.
func stamp(t api.Time) string { return t.Time().Format("2006-01-02 15:04:05 UTC") }

// rate returns a number of hashes a second in three digits.
func rate(perSecond float64) string {
	unit := ""
	for _, next := range []string{"k", "M", "G", "T"} {
		if perSecond < 1000 {
			break
		}
		perSecond, unit = perSecond/1000, next
	}
	return fmt.Sprintf("%.3g %sH/s", perSecond, unit)
}

const (
	// mostShown is how many characters of a payload a page shows, mostListed a line of a list.
	mostShown  = 64 << 10
	mostListed = 160
)

// safeText returns a stranger's text such that all of it is seen, in the order in which it is stored: what
// steers a terminal, turns the direction or has no width is shown as a symbol of Unicode or by its number.
func safeText(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t':
			out.WriteRune(r)
		case r < 0x20:
			out.WriteRune('␀' + r) // U+2400: the control pictures are in the order of the characters
		case r == 0x7f:
			out.WriteRune('␡')
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u2028', r == '\u2029', r == unicode.ReplacementChar:
			fmt.Fprintf(&out, "⟨U+%04X⟩", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// excerpt returns the beginning of a text on one line.
func excerpt(text string) string {
	text = strings.Join(strings.Fields(cut(text, 8*mostListed)), " ")
	return safeText(cut(text, mostListed))
}

// cut returns at most so many characters, with an ellipsis where some are missing.
func cut(text string, most int) string {
	n := 0
	for at := range text {
		if n == most {
			return text[:at] + "…"
		}
		n++
	}
	return text
}
