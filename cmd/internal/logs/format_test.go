package logs

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hostile are texts by which strangers would forge a line, an attribute, or what the terminal shows.
func hostile() map[string]string {
	return map[string]string{
		"newline":      "harmless\n12:00:00.000 ERROR store     store cannot go on",
		"json line":    "x\"}\n{\"level\":\"ERROR\",\"msg\":\"store cannot go on\"}",
		"quote":        `x","level":"ERROR`,
		"backslash":    `x\`,
		"return":       "x\roverwritten",
		"ansi":         "\x1b[31mred\x1b[2J\x1b]0;title\a",
		"c1 csi":       "\u009b2J",
		"raw c1":       "\x9b2J",
		"bidi":         "user\u202eevil\u2066 \u200f",
		"zero width":   "a\u200bb\ufeffc\u00ad",
		"separators":   "a\u2028b\u2029c\u0085d",
		"tags":         "a\U000E0041b",
		"nul":          "a\x00b",
		"delete":       "a\x7fb\bc",
		"attribute":    "peer left level=ERROR part=store",
		"quoted attr":  "\"peer left\" level=ERROR",
		"spaces":       "  peer left  ",
		"no utf-8":     "caf\xe9 \xff\xfe \xed\xa0\x80",
		"empty":        "",
		"long":         strings.Repeat("ä", 100_000),
		"private use":  "\ue000\U000F0000",
		"unassigned":   "\U0003FFFE",
		"nbsp":         "a\u00a0b\u3000c",
		"emoji is ok":  "häuser 你好 🎉",
		"tab":          "a\tb",
		"form feed":    "a\fb\vc",
		"hangul blank": "a\u3164b",
	}
}

// checkLine wants one line of printable characters only.
func checkLine(t *testing.T, out []byte) string {
	t.Helper()
	text, whole := strings.CutSuffix(string(out), "\n")
	if !whole || !utf8.ValidString(text) {
		t.Errorf("%q is not a line of UTF-8", out)
	}
	for _, r := range text {
		if !strconv.IsPrint(r) {
			t.Errorf("%q has %U in it", out, r)
		}
	}
	if len(out) > 64<<10 {
		t.Errorf("%d bytes in a line", len(out))
	}
	return text
}

// decode reads a JSON line and wants each key once.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	seen := make(map[string]bool)
	if _, err := d.Token(); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil || seen[key.(string)] {
			t.Fatalf("%q: key %v again, %v", text, key, err)
		}
		seen[key.(string)] = true
		if _, err := d.Token(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return out
}

// checkBoth holds both forms of a line to all that a line promises.
func checkBoth(t *testing.T, m *line) {
	t.Helper()
	got := decode(t, checkLine(t, jsonLine(nil, m)))
	if got["level"] != m.level.String() || got["part"] != any(m.part) {
		t.Errorf("level %v of part %v, want %v of %v", got["level"], got["part"], m.level, m.part)
	}
	if want := strings.ToValidUTF8(m.text, "\ufffd"); utf8.ValidString(m.text) && got["msg"] != want {
		t.Errorf("msg %q, want %q", got["msg"], want)
	}
	text := checkLine(t, look{dates: true}.line(nil, m))
	head := m.time.Format(jsonTime) + " " + padded(m.level.String(), 5) + " " + padded(m.part, 9) + " "
	rest, ok := strings.CutPrefix(text, head)
	if !ok {
		t.Fatalf("%q does not begin with %q", text, head)
	}
	// Read it as a program would: the text, then keys with values.
	if rest = unquoted(t, rest, m.text, " "); t.Failed() {
		return
	}
	for _, f := range m.fields {
		value, found := strings.CutPrefix(rest, string(appendValue(nil, f.key))+"=")
		if !found {
			t.Fatalf("%q: want key %q next", rest, f.key)
		}
		rest = unquoted(t, value, f.value.String(), "")
	}
	if rest != "" {
		t.Errorf("%q is left of %q", rest, text)
	}
}

// unquoted takes a text from the front of a line, quoted or not, and wants it to be want.
func unquoted(t *testing.T, s, want, spaces string) string {
	t.Helper()
	if strings.HasPrefix(s, `"`) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil || text != want {
			t.Fatalf("%q, %v; want %q", text, err, want)
		}
		return strings.TrimPrefix(s[len(quoted):], " ")
	}
	rest, ok := strings.CutPrefix(s, want)
	if !ok || strings.ContainsAny(want, "=\"\\\n") || spaces == "" && strings.Contains(want, " ") {
		t.Fatalf("%q: want %q, quoted where that is needed", s, want)
	}
	return strings.TrimPrefix(rest, " ")
}

// TestHostileValues has texts of strangers in every place of a line.
func TestHostileValues(t *testing.T) {
	at := time.Date(2026, 11, 21, 14, 0, 0, 5e6, time.UTC)
	for name, text := range hostile() {
		t.Run(name, func(t *testing.T) {
			for _, v := range []any{text, errors.New(text), []string{text}, struct{ Agent string }{text}, slog.GroupValue(slog.String("in", text))} {
				m := &line{time: at, level: slog.LevelWarn, part: "gossip", text: cut(text, maxValue)}
				m.fields = appendFields(nil, "", slog.Any("value", v))
				m.fields = appendFields(m.fields, "", slog.String("after", "x"))
				checkBoth(t, m)
			}
			checkBoth(t, &line{time: at, level: slog.LevelInfo, part: "api", text: "peer", fields: []field{{cut(text, maxValue), slog.IntValue(5)}}})
		})
	}
}

// FuzzLine has any text in any place.
func FuzzLine(f *testing.F) {
	for _, text := range hostile() {
		f.Add(text, "key", text)
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		if key == "" || strings.HasPrefix(key, "_") {
			key = "k"
		}
		switch key { // renamed in JSON, so that nothing comes twice
		case "time", "level", "msg", "part":
			key = "k"
		}
		m := &line{time: time.UnixMilli(0).UTC(), level: slog.LevelError, part: "store", text: cut(text, maxValue)}
		m.fields = appendFields(nil, "", slog.String(key, value))
		checkBoth(t, m)
	})
}

// A broken error panics when it is asked what it is.
type broken struct{ inner error }

func (b *broken) Error() string { return b.inner.Error() }

// TestValues has values of all kinds in both forms.
func TestValues(t *testing.T) {
	at := time.Date(2026, 11, 21, 14, 0, 0, 5e6, time.UTC)
	type state string
	var fields []field
	for i, v := range []any{
		true, -5, uint64(1) << 63, 1.5, time.Minute, at, "a b", state("synced"), nil, errors.New("disk: full"), []byte("ab"),
		[]int{1, 2}, map[string]int{"b": 1, "a": 2}, (*broken)(nil), slog.GroupValue(slog.Int("x", 1), slog.Group("deep", "y", "z")),
		fmt.Errorf("wrapped: %w", os.ErrNotExist), [2]uint8{1, 2},
	} {
		fields = appendFields(fields, "", slog.Any(fmt.Sprintf("v%d", i), v))
	}
	m := &line{time: at, level: slog.LevelWarn, part: "store", text: "values", fields: append(fields, field{"msg", slog.StringValue("second")})}
	out := jsonLine(nil, m)
	out = look{dates: true}.line(out, m)
	out = look{colours: true}.line(out, &line{time: at, level: slog.LevelError, text: "in colour", fields: fields[:3]})
	golden(t, "values.txt", out)
}

// golden compares with a file, or writes it where -update says so.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs (-update writes it):\n%s\nwant\n%s", path, got, want)
	}
}
