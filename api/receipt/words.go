package receipt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"p2pchain/api/evidence"
	"p2pchain/core"
	"p2pchain/core/proof"
)

// texts are all words of a receipt, by key: English, then German. The page and its script use the same.
type texts map[string][2]string

// readTexts reads the words; those of faults are the proof's own in English.
func readTexts(b []byte) (texts, error) {
	t := texts{}
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("texts of receipts: %w", err)
	}
	for _, f := range proof.Faults() {
		key := "fault." + f.Code
		t[key] = [2]string{f.Words, t[key][1]}
	}
	return t, nil
}

// Faults returns what may be wrong with a proof in words, by code: in German for de, else in English.
func Faults(lang string) (map[string]string, error) {
	p, err := shared()
	if err != nil {
		return nil, err
	}
	language := 0
	if lang == "de" {
		language = 1
	}
	words := make(map[string]string)
	for key, both := range p.words {
		if code, ok := strings.CutPrefix(key, "fault."); ok {
			words[code] = both[language]
		}
	}
	return words, nil
}

// fixedText is how page.html marks an element whose text is one of ours.
var fixedText = regexp.MustCompile(`data-text="([a-z.]+)"`)

// forScript returns the texts as JSON that may stand in HTML. English ones that the page shows anyway are
// left out: the script reads them there. So is the one that only a page without a script needs.
func (t texts) forScript(page string) ([]byte, error) {
	script := maps.Clone(t)
	delete(script, "verdict.server")
	for _, match := range fixedText.FindAllStringSubmatch(page, -1) {
		script[match[1]] = [2]string{"", t[match[1]][1]}
	}
	b, err := json.Marshal(script) // it escapes <, > and &
	if err != nil {
		return nil, fmt.Errorf("texts of receipts: %w", err)
	}
	return b, nil
}

// values are what stands for the names in braces of a text.
type values map[string]any

// say returns an English text with its values filled in. Values never go through another one's braces.
func (t texts) say(key string, v values) string {
	pairs := make([]string, 0, 2*len(v))
	for name, value := range v {
		pairs = append(pairs, "{"+name+"}", visible(fmt.Sprint(value)))
	}
	return strings.NewReplacer(pairs...).Replace(t[key][0])
}

// grouped returns decimal digits in groups of three, which both languages can read.
func grouped(digits string) string {
	var out strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			out.WriteRune('\u202f') // a narrow space that does not break
		}
		out.WriteRune(d)
	}
	return out.String()
}

func number[T int | uint32 | uint64](n T) string { return grouped(strconv.FormatUint(uint64(n), 10)) }

// count says a number of things, which a text with this key names, and one with .one a single one.
func count[T int | uint32 | uint64](t texts, things string, n T) string {
	if n == 1 {
		return t.say(things+".one", nil)
	}
	return t.say(things, values{"n": number(n)})
}

// effort says how long one core of a laptop needs for some work.
func (t texts) effort(w core.Work) string {
	seconds := w.Float() / evidence.HashRate
	for _, unit := range []struct {
		key     string
		seconds float64
	}{{"time.years", 365.25 * 86400}, {"time.hours", 3600}, {"time.minutes", 60}} {
		if seconds >= 2*unit.seconds {
			return t.say(unit.key, values{"n": grouped(strconv.FormatFloat(math.Round(seconds/unit.seconds), 'f', 0, 64))})
		}
	}
	if seconds < 0.01 {
		return t.say("time.moment", nil)
	}
	return t.say("time.seconds", values{"n": strconv.FormatFloat(math.Round(seconds*100)/100, 'f', -1, 64)})
}

// moment writes a time in UTC.
func moment(ms uint64) string {
	return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02 15:04:05.000 UTC")
}

// visible makes characters visible that hide, reorder or end something: all control and format
// characters but newlines, tabs, and the joiners that scripts and emoji need.
func visible(s string) string {
	var out strings.Builder
	for _, r := range strings.ReplaceAll(s, "\r\n", "\n") {
		if hides(r) {
			fmt.Fprintf(&out, "[U+%04X]", r)
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func hides(r rune) bool {
	switch r {
	case '\n', '\t', '\u200c', '\u200d':
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

const (
	printedRunes = 1500 // of a payload on paper
	printedLines = 16
)

// split returns what of a text is printed, and the rest.
func split(s string) (printed, rest string) {
	lines, runes := 0, 0
	for i, r := range s {
		if r == '\n' {
			lines++
		}
		if lines == printedLines || runes == printedRunes {
			return s[:i], s[i:]
		}
		runes++
	}
	return s, ""
}

// isText reports whether a payload is shown as text.
func isText(b []byte) bool { return utf8.Valid(b) && !strings.ContainsRune(string(b), 0) }
