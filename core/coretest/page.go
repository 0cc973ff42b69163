package coretest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A Page is a page of the documentation that a test holds to the code.
type Page struct {
	t    testing.TB
	path string
	raw  string
	text string // with every run of white space as one blank
}

// ReadPage reads a page.
func ReadPage(t testing.TB, path string) *Page {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return &Page{t, path, string(text), flat(string(text))}
}

// Text returns the page, with every run of white space as one blank.
func (p *Page) Text() string { return p.text }

// Says looks for words on the page, wherever its lines break. Whole numbers among the arguments are written
// as the pages do, 1,024; a time is one, in nanoseconds, so it is divided by its unit first.
func (p *Page) Says(format string, args ...any) {
	p.t.Helper()
	for i, arg := range args {
		switch n := arg.(type) {
		case int:
			args[i] = Number(n)
		case int64:
			args[i] = Number(int(n))
		case time.Duration:
			args[i] = Number(int(n))
		}
	}
	if words := flat(fmt.Sprintf(format, args...)); !strings.Contains(p.text, words) {
		p.t.Errorf("%s does not say %q, as the code does", p.path, words)
	}
}

// Made compares what stands between the lines <!-- made: NAME --> and <!-- end --> with what the code makes,
// or writes it there.
func (p *Page) Made(name, want string, write bool) {
	p.t.Helper()
	begin := "<!-- made: " + name + " -->\n"
	before, rest, found := strings.Cut(p.raw, begin)
	have, after, ends := strings.Cut(rest, "<!-- end -->\n")
	if !found || !ends {
		p.t.Fatalf("%s has no place for %q", p.path, name)
	}
	if want = "\n" + strings.TrimSpace(want) + "\n\n"; have == want {
		return
	}
	if !write {
		p.t.Errorf("%s: %q is not what the code makes (-update writes it):\n%s", p.path, name, want)
		return
	}
	p.raw = before + begin + want + "<!-- end -->\n" + after
	if err := os.WriteFile(p.path, []byte(p.raw), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// Number writes a number as the pages do.
func Number(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
