package doctest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A commandLine is what the reference page says of the commands: their flags, and which have commands below
// them alone.
type commandLine struct {
	flags  map[string][]string
	shared []string // those of many commands
}

// readCommands reads the generated page.
func readCommands(t *testing.T) *commandLine {
	t.Helper()
	c := &commandLine{flags: make(map[string][]string)}
	name := ""
	heading := regexp.MustCompile("^## `(p2pchain[a-z ]*)`$")
	flag := regexp.MustCompile("^\\| `(?:-[a-z], )?--([a-z0-9-]+)")
	for line := range strings.SplitSeq(readPage(t, "docs/cli.md"), "\n") {
		if m := heading.FindStringSubmatch(line); m != nil {
			name = m[1]
			c.flags[name] = nil
		} else if strings.HasPrefix(line, "## ") {
			name = ""
		}
		if m := flag.FindStringSubmatch(line); m != nil {
			c.flags[name] = append(c.flags[name], m[1])
			if name == "" || name == "p2pchain run" {
				c.shared = append(c.shared, m[1])
			}
		}
	}
	if len(c.flags) < 40 || len(c.shared) < 30 {
		t.Fatalf("only %d commands and %d shared flags are read", len(c.flags), len(c.shared))
	}
	return c
}

// wrong returns what of a call of the program there is not; "" if it can be called like this.
func (c *commandLine) wrong(args []string) string {
	name := "p2pchain"
	for i, arg := range args {
		arg = strings.TrimRight(arg, ",.;:")
		long, isFlag := strings.CutPrefix(arg, "--")
		_, known := c.flags[name+" "+arg]
		switch {
		case arg == "--":
			return ""
		case isFlag:
			long, _, _ = strings.Cut(long, "=")
			if !slices.Contains(c.shared, long) && !slices.Contains(c.flags[name], long) && long != "help" {
				return name + " --" + long
			}
		case known && name == "p2pchain "+strings.Join(args[:i], " ") || known && i == 0:
			name += " " + arg
		case i == len(strings.Fields(name))-1 && c.onlyBelow(name) && regexp.MustCompile(`^[a-z]+$`).MatchString(arg):
			return name + " " + arg
		}
	}
	return ""
}

// onlyBelow reports whether a command takes no word but those of the commands below it.
func (c *commandLine) onlyBelow(name string) bool {
	return slices.Contains([]string{"p2pchain", "p2pchain get", "p2pchain peers", "p2pchain token", "p2pchain config"}, name)
}

// calls returns the calls of the program in a text of code, each as its words.
func calls(code string) [][]string {
	code = regexp.MustCompile(`"[^"\n]*"|'[^'\n]*'`).ReplaceAllStringFunc(code, func(s string) string {
		if strings.HasPrefix(s, `"$(`) {
			return " " + strings.Trim(s, `"`)
		}
		return "…"
	})
	code = regexp.MustCompile(`#.*`).ReplaceAllString(strings.ReplaceAll(code, "\\\n", ""), "")
	var found [][]string
	for _, m := range regexp.MustCompile(`(?m)(?:^|[\s(/])p2pchain((?:[ \t]+[^\s|&;<>()]+)*)`).FindAllStringSubmatch(code, -1) {
		args := strings.Fields(m[1])
		if at := slices.Index(args, "p2pchain"); at >= 0 { // sudo -u p2pchain p2pchain …
			args = args[at+1:]
		}
		found = append(found, args)
	}
	return found
}

// TestExamples looks for every command and every flag that any page names, in blocks and in the text: there are
// such. What the blocks then do is for TestBlocks; the examples of docs/cli.md speak of files and hosts of readers.
func TestExamples(t *testing.T) {
	c := readCommands(t)
	code := regexp.MustCompile("(?ms)^```(?:sh[^\n]*)?\n(.*?)^```|`([^`\n]+)`")
	count := 0
	for _, page := range documents(t) {
		for _, m := range code.FindAllStringSubmatch(readPage(t, page), -1) {
			for _, args := range calls(m[1] + m[2]) {
				count++
				if what := c.wrong(args); what != "" {
					t.Errorf("%s: there is no %q (in p2pchain %s)", page, what, strings.Join(args, " "))
				}
			}
		}
	}
	if count < 600 {
		t.Errorf("only %d calls are found", count)
	}
}

func TestCalls(t *testing.T) {
	c := readCommands(t)
	for text, want := range map[string]string{
		"p2pchain":                                    "",
		"sudo -u p2pchain p2pchain check --deep":      "",
		"p2pchain add \"--wait\" --wait  # --nothing": "",
		"p2pchain get peers --json | jq .":            "",
		"a=$(p2pchain peers)":                         "",
		"p2pchain peers --json":                       "",
		"p2pchain frobnicate":                         "p2pchain frobnicate",
		"p2pchain get money":                          "p2pchain get money",
		"x \"$(p2pchain add --nothing)\"":             "p2pchain add --nothing",
		"p2pchain get block --nothing=3":              "p2pchain get block --nothing",
	} {
		found := calls(text)
		if len(found) != 1 {
			t.Errorf("%q: %d calls", text, len(found))
		} else if got := c.wrong(found[0]); got != want {
			t.Errorf("%q: wrong is %q, want %q", text, got, want)
		}
	}
}
