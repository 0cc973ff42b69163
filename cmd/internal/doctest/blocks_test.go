package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the module.
const root = "../../.."

// A block is a piece of shell on a page, and how it is run.
type block struct {
	line     int // of its first line
	text     string
	machine  string
	exit     int
	terminal bool
	ctrlC    bool   // stop terminals first,
	stops    string // those whose command has this word
	cable    string // "down" or "up": change that first
	skip     string // why it is not run
}

// pages returns the pages whose blocks are run, relative to the module.
func pages(t *testing.T) []string {
	t.Helper()
	found := []string{"README.md", "docs/demo.md", "docs/lan-demo.md", "docs/how-it-works.md"}
	for _, pattern := range []string{"docs/tutorials/*.md", "docs/howto/*.md"} {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			found = append(found, strings.TrimPrefix(filepath.ToSlash(path), root+"/"))
		}
	}
	if len(found) < 12 {
		t.Fatalf("only %d pages: %v", len(found), found)
	}
	return found
}

// readPage returns the text of a page.
func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// parse returns the shell blocks of a page.
func parse(text string) ([]block, error) {
	var blocks []block
	fence, open := "", -1
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case !isFence && strings.HasPrefix(strings.TrimSpace(line), "```"):
			return nil, fmt.Errorf("line %d: a block that is indented would not be run", i+1)
		case !isFence:
		case open < 0:
			fence, open = info, i+1
		default:
			b, isShell, err := parseInfo(fence)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", open, err)
			}
			if isShell {
				b.line, b.text = open+1, strings.Join(lines[open:i], "\n")+"\n"
				blocks = append(blocks, b)
			}
			open = -1
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("line %d: this block has no end", open)
	}
	return blocks, nil
}

// parseInfo reads the words behind the fence of a block.
func parseInfo(info string) (block, bool, error) {
	b := block{machine: "here"}
	lang, rest, _ := strings.Cut(info, " ")
	if slices.Contains([]string{"bash", "shell", "console", "zsh", "shell-session"}, lang) {
		return b, false, fmt.Errorf("a block of %s would not be run: call it sh", lang)
	}
	if lang != "sh" {
		return b, false, nil
	}
	before, reason, skipped := strings.Cut(rest, "skip:")
	if b.skip = strings.TrimSpace(reason); skipped && len(strings.Fields(b.skip)) < 3 {
		return b, true, fmt.Errorf("%q is no reason to skip a block", b.skip)
	}
	for word := range strings.FieldsSeq(before) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "exit":
			b.exit, err = strconv.Atoi(value)
		case "on":
			b.machine = value
		case "unplug":
			b.cable = "down"
		case "plug":
			b.cable = "up"
		case "terminal":
			b.terminal = true
		case "ctrl-c":
			b.ctrlC, b.stops = true, value
		default:
			err = fmt.Errorf("%q says nothing about a block", word)
		}
		if err != nil {
			return b, true, err
		}
	}
	return b, true, nil
}

// commands returns the lines of a block without comments and blanks; a line that ends with \ goes on.
func (b block) commands() []string {
	var commands []string
	for line := range strings.SplitSeq(strings.ReplaceAll(b.text, "\\\n", ""), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			commands = append(commands, line)
		}
	}
	return commands
}

func TestParse(t *testing.T) {
	const page = "a\n```sh exit=19 on=two\nfalse\n```\n```\nnot this\n```\n```sh terminal ctrl-c=two\n# no\none \\\n  more\ntwo\n```\n```sh skip: needs a printer\nlp x\n```\n"
	got, err := parse(page)
	if err != nil {
		t.Fatal(err)
	}
	want := []block{
		{line: 3, text: "false\n", machine: "two", exit: 19},
		{line: 9, text: "# no\none \\\n  more\ntwo\n", machine: "here", terminal: true, ctrlC: true, stops: "two"},
		{line: 15, text: "lp x\n", machine: "here", skip: "needs a printer"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("parse = %+v\nwant %+v", got, want)
	}
	if c := got[1].commands(); !slices.Equal(c, []string{"one   more", "two"}) {
		t.Errorf("commands = %q", c)
	}
	for _, bad := range []string{"```bash\nx\n```\n", "```sh trminal\nx\n```\n", "```sh skip: no\nx\n```\n", "```sh exit=x\nx\n```\n", "```sh\nx\n", "1. a\n   ```sh\n   x\n   ```\n"} {
		if _, err := parse(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestBlocksAreReadable parses the blocks of every page; TestBlocks runs them.
func TestBlocksAreReadable(t *testing.T) {
	run, skipped := 0, 0
	for _, page := range pages(t) {
		blocks, err := parse(readPage(t, page))
		if err != nil {
			t.Errorf("%s: %v", page, err)
		}
		for _, b := range blocks {
			if b.skip == "" {
				run++
			} else {
				skipped++
			}
		}
	}
	if run < 4*skipped {
		t.Errorf("%d blocks are run and %d are not: too many", run, skipped)
	}
}
