package doctest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the folder of the module.
const root = "../../.."

// A block is a piece of shell on a page, or a file that it tells readers to write, and how it is run.
type block struct {
	line     int // of its first line
	text     string
	machine  string
	file     string // write the text there, and run nothing
	needs    string // run only where this command is
	exit     int
	terminal bool
	quiet    bool   // what runs in the terminal says nothing at first
	ctrlC    bool   // stop terminals first,
	stops    string // those whose command has this word
	cable    string // "down" or "up": change that first
	skip     string // why it is not run
}

// elsewhere returns the pages whose blocks other tests run, by the name of those.
func elsewhere() map[string]string {
	return map[string]string{
		"docs/api.md": "TestSamples", // of api, which calls a node as each says
		"docs/cli.md": "TestExamples",
	}
}

// pages returns the pages whose blocks are run, relative to the module.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, page := range documents(t) {
		if elsewhere()[page] == "" && regexp.MustCompile("(?m)^ *(```|<!-- )sh\\b").MatchString(readPage(t, page)) {
			found = append(found, page)
		}
	}
	if len(found) < 26 {
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

// parse returns the blocks of a page, also those that only tests see.
func parse(text string) ([]block, error) {
	var blocks []block
	info, end, begin := "", "", -1
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		fence, isFence := strings.CutPrefix(line, "```")
		unseen, isUnseen := strings.CutPrefix(line+" ", "<!-- sh ")
		switch {
		case begin >= 0 && line == end:
			b, counts, err := parseInfo(info, lines[begin:i])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", begin, err)
			}
			if counts {
				b.line, b.text = begin+1, strings.Join(lines[begin:i], "\n")+"\n"
				blocks = append(blocks, b)
			}
			begin = -1
		case begin >= 0:
		case isFence:
			info, end, begin = fence, "```", i+1
		case isUnseen:
			info, end, begin = "sh "+unseen, "-->", i+1
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			return nil, fmt.Errorf("line %d: a block that is indented would not be run", i+1)
		}
	}
	if begin >= 0 {
		return nil, fmt.Errorf("line %d: this block has no end", begin)
	}
	return blocks, nil
}

// parseInfo reads the words behind the fence of a block, and says whether it is one to run or to write.
func parseInfo(info string, lines []string) (block, bool, error) {
	lang, rest, _ := strings.Cut(info, " ")
	if slices.Contains([]string{"bash", "shell", "console", "zsh", "shell-session"}, lang) {
		return block{}, false, fmt.Errorf("a block of %s would not be run: call it sh", lang)
	}
	command := regexp.MustCompile(`^(\$ |(sudo|p2pchain|\./bin/p2pchain|docker|curl|make|git|go) [a-z./"-])`)
	if at := slices.IndexFunc(lines, command.MatchString); lang == "" && at >= 0 {
		return block{}, false, fmt.Errorf("%q looks like a command and would not be run: call it sh", lines[at])
	}
	b, err := parseWords(rest)
	return b, lang == "sh" || b.file != "", err
}

// parseWords reads what is said about a block.
func parseWords(words string) (block, error) {
	b := block{machine: "here"}
	before, reason, skipped := strings.Cut(words, "skip:")
	if b.skip = strings.TrimSpace(reason); skipped && len(strings.Fields(b.skip)) < 3 {
		return b, fmt.Errorf("%q is no reason to skip a block", b.skip)
	}
	for word := range strings.FieldsSeq(before) {
		key, value, _ := strings.Cut(word, "=")
		var err error
		switch key {
		case "exit":
			b.exit, err = strconv.Atoi(value)
		case "on":
			b.machine = value
		case "file":
			b.file = value
		case "needs":
			b.needs = value
		case "unplug":
			b.cable = "down"
		case "plug":
			b.cable = "up"
		case "terminal":
			b.terminal = true
		case "quiet":
			b.quiet = true
		case "ctrl-c":
			b.ctrlC, b.stops = true, value
		default:
			err = fmt.Errorf("%q says nothing about a block", word)
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
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
	const page = "a\n```sh exit=19 on=two\nfalse\n```\n```\nnot this\n```\n```sh terminal ctrl-c=two\n# no\none \\\n  more\ntwo\n```\n```sh skip: needs a printer\nlp x\n```\n" +
		"<!-- sh needs=nginx\nunseen\n-->\n<!-- shown -->\n```ini file=a.conf\nb=1\n```\n```json\n{}\n```\n"
	got, err := parse(page)
	if err != nil {
		t.Fatal(err)
	}
	want := []block{
		{line: 3, text: "false\n", machine: "two", exit: 19},
		{line: 9, text: "# no\none \\\n  more\ntwo\n", machine: "here", terminal: true, ctrlC: true, stops: "two"},
		{line: 15, text: "lp x\n", machine: "here", skip: "needs a printer"},
		{line: 18, text: "unseen\n", machine: "here", needs: "nginx"},
		{line: 22, text: "b=1\n", machine: "here", file: "a.conf"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("parse = %+v\nwant %+v", got, want)
	}
	if c := got[1].commands(); !slices.Equal(c, []string{"one   more", "two"}) {
		t.Errorf("commands = %q", c)
	}
	for _, bad := range []string{"```bash\nx\n```\n", "```sh trminal\nx\n```\n", "```sh skip: no\nx\n```\n", "```sh exit=x\nx\n```\n", "```sh\nx\n", "1. a\n   ```sh\n   x\n   ```\n",
		"```\np2pchain erase ID\n```\n", "<!-- sh\nx\n"} {
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
