package doctest

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// documents returns all pages of the repository that people read, relative to the module.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "testdata", "bin", "out", "dist", "node_modules"}, d.Name()) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			found = append(found, strings.TrimPrefix(filepath.ToSlash(name), root+"/"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// prose returns a page without its blocks and spans of code.
func prose(text string) string {
	text = regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(text, "")
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(text, "")
}

// TestLinks follows every link of every page that leads to a file here, down to the heading.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anchors := map[string][]string{}
	for _, page := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(readPage(t, page)), -1) {
			target, heading, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if heading == "" || !strings.HasSuffix(file, ".md") {
				continue
			}
			if anchors[file] == nil {
				anchors[file] = headings(readPage(t, file))
			}
			if !slices.Contains(anchors[file], heading) {
				t.Errorf("%s: %s has no heading #%s", page, file, heading)
			}
		}
	}
}

// headings returns the names under which links find the headings of a page.
func headings(text string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	blocks := regexp.MustCompile("(?ms)^ *```.*?^ *```").ReplaceAllString(text, "")
	for line := range strings.SplitSeq(blocks, "\n") {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			names = append(names, slug(strings.TrimSpace(title)))
		}
	}
	return names
}

// slug returns the name that a heading gets: lower case, blanks as hyphens, no punctuation.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}

// TestIndexIsComplete holds the index to what there is: it leads to every page of docs.
func TestIndexIsComplete(t *testing.T) {
	index := readPage(t, "docs/README.md")
	for _, page := range documents(t) {
		name, inDocs := strings.CutPrefix(page, "docs/")
		if inDocs && name != "README.md" && !strings.Contains(index, "]("+name) {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

// TestReadmeIsShort keeps the first page one that people read.
func TestReadmeIsShort(t *testing.T) {
	const most = 220
	if n := strings.Count(readPage(t, "README.md"), "\n"); n > most {
		t.Errorf("README.md has %d lines, more than %d: move some of it to docs", n, most)
	}
}

// TestToolsAreNamed holds the README and the tutorials to naming what their blocks take besides a shell.
func TestToolsAreNamed(t *testing.T) {
	for _, page := range documents(t) {
		if page != "README.md" && !strings.HasPrefix(page, "docs/tutorials/") {
			continue
		}
		seen := regexp.MustCompile("(?ms)^<!-- sh.*?^-->").ReplaceAllString(readPage(t, page), "")
		if strings.Contains(seen, "| jq ") && !strings.Contains(seen, "`jq`") {
			t.Errorf("%s uses jq, and does not say so", page)
		}
	}
}

// TestNamedTests looks for each test that a page names as the one that holds a promise.
func TestNamedTests(t *testing.T) {
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range function.FindAllSubmatch(text, -1) {
			declared[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range documents(t) {
		for _, m := range regexp.MustCompile("`(Test[A-Z]\\w+)`").FindAllStringSubmatch(readPage(t, page), -1) {
			if !declared[m[1]] {
				t.Errorf("%s names %s, which there is not", page, m[1])
			}
		}
	}
}
