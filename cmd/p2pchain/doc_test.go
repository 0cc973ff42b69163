package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const cliPage = "../../docs/cli.md"

const cliHead = `# The command line

Generated from the commands: ` + "`go test ./cmd/p2pchain -run TestCLIPage -update`" + ` writes it. The same texts are in
` + "`p2pchain COMMAND --help`" + ` and in the manual pages that ` + "`p2pchain man DIR`" + ` writes.

- **Results** go to standard output, all else to standard error. Progress is shown on a terminal only, and never with
  ` + "`--json`" + `; with a variable ` + "`NO_COLOR`" + ` nothing is coloured.
- **` + "`--json`" + `** answers for programs. The members below stay, with their meaning; new ones may be added. A ` + "`?`" + ` marks those
  that may be missing. Times are RFC 3339 in UTC with milliseconds, hashes and keys lower-case hex.
- **Exit codes** are in [one table](exit-codes.md); 0 is success.
- **` + "`-`" + `** stands for standard input or output where a file or a message is wanted.
- **Settings**: every flag of a node can also be given as a variable (` + "`P2PCHAIN_MAX_PEERS`" + ` for ` + "`--max-peers`" + `) or in a file
  (` + "`p2pchain config init`" + ` writes one). Flag before variable before file before default; ` + "`p2pchain config show --origin`" + `
  says which it was.
- **Which node**: commands find the node of the data folder by themselves. ` + "`--name`" + ` and ` + "`--data-dir`" + ` choose another
  folder, ` + "`--api`" + ` any node.

`

const cliTail = `## What the seeds called it

Everything here works as it did, with the same words; none of it is in the help texts.

| seed 1 | here |
|---|---|
| ` + "`miner start CHAIN_PATH`" + ` | ` + "`run --data-dir`" + `, with CHAIN_PATH less its ` + "`.chain`" + ` |
| ` + "`--host`, `--port`" + ` of ` + "`miner start`" + ` | the host and the port of ` + "`--http`" + ` |
| ` + "`--neighbours HOST:PORT,…`" + ` | ` + "`--bootstrap http://HOST:PORT`" + ` |
| ` + "`--difficulty`, `--force_new_chain`" + ` | the same (flags may be written with underscores) |
| ` + "`--chain_serialization json`" + ` | nothing to choose; ` + "`pickle`" + ` is refused, since reading one runs whatever code is in it |
| ` + "`add MESSAGE`, `get chain`, `get neighbours`" + ` | the same |
| ` + "`--host`, `--port`" + ` of these | the host and the port of ` + "`--api`" + ` |

| seed 2 | here |
|---|---|
| ` + "`-p PORT`" + ` | ` + "`--listen /ip4/0.0.0.0/tcp/PORT --http 127.0.0.1:PORT+1`" + ` |
| ` + "`-pid ID -pport PORT`" + ` | ` + "`--bootstrap /ip4/127.0.0.1/tcp/PORT/p2p/ID`" + ` |
`

// TestCLIPage holds the page of commands to the commands.
func TestCLIPage(t *testing.T) {
	a := &app{program: "p2pchain", lookupEnv: func(string) (string, bool) { return "", false }}
	root := a.rootCommand()
	root.InitDefaultHelpCmd()
	var b bytes.Buffer
	b.WriteString(cliHead)
	commands := withSubcommands(root)
	for _, cmd := range commands {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", cmd.CommandPath(), manName(cmd), cmd.Short)
	}
	for _, cmd := range commands {
		describeCommand(&b, cmd)
	}
	clients := pflag.NewFlagSet("", pflag.ContinueOnError)
	addClientFlags(clients)
	fmt.Fprintf(&b, "\n<a id=\"client-flags\"></a>\n## Flags of commands that talk to a node\n\n%s", flagTable(clients))
	fmt.Fprintf(&b, "\n## Flags of every command\n\n%s\n%s", flagTable(root.PersistentFlags()), cliTail)
	golden(t, cliPage, b.Bytes())
}

// describeCommand writes a chapter.
func describeCommand(b *bytes.Buffer, cmd *cobra.Command) {
	fmt.Fprintf(b, "\n<a id=\"%s\"></a>\n## `%s`\n\n", manName(cmd), cmd.CommandPath())
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	fmt.Fprintf(b, "%s\n\n", long)
	if cmd.HasExample() {
		var lines []string
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			lines = append(lines, strings.TrimPrefix(line, "  "))
		}
		fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.Join(lines, "\n"))
	}
	fmt.Fprintf(b, "Usage: `%s`\n", cmd.UseLine())
	describeFlags(b, cmd)
	if s, ok := shapes()[shortPath(cmd)]; ok {
		note := ""
		if s.note != "" {
			note = " (" + s.note + ")"
		}
		fmt.Fprintf(b, "\n`--json`%s:\n\n```\n%s\n```\n", note, describe(reflect.TypeOf(s.value), ""))
	}
}

// describeFlags writes the flags of a command; those that many have stand elsewhere.
func describeFlags(b *bytes.Buffer, cmd *cobra.Command) {
	clients := pflag.NewFlagSet("", pflag.ContinueOnError)
	addClientFlags(clients)
	run, _, err := cmd.Root().Find([]string{"run"})
	if err != nil {
		panic(err) // it is always there
	}
	ofRun, ofClients := 0, 0
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.SortFlags = false
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		same := func(set *pflag.FlagSet) bool {
			other := set.Lookup(f.Name)
			return other != nil && other.Usage == f.Usage
		}
		switch {
		case f.Name == "help" || f.Hidden:
		case same(clients):
			ofClients++
		case same(run.Flags()) && cmd != run:
			ofRun++
		default:
			own.AddFlag(f)
		}
	})
	if own.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s", flagTable(own))
	}
	if ofClients > 0 {
		b.WriteString("\nIt takes the [flags of commands that talk to a node](#client-flags), too.\n")
	}
	switch all := run.Flags(); {
	case ofRun == 0:
	case ofRun > 20:
		b.WriteString("\nIt takes the flags of [`p2pchain run`](#p2pchain-run), too.\n")
	default:
		var names []string
		all.VisitAll(func(f *pflag.Flag) {
			if other := cmd.LocalNonPersistentFlags().Lookup(f.Name); other != nil && !f.Hidden && f.Name != "help" && other.Usage == f.Usage {
				names = append(names, "`--"+f.Name+"`")
			}
		})
		fmt.Fprintf(b, "\nFlags as of [`p2pchain run`](#p2pchain-run): %s.\n", strings.Join(names, ", "))
	}
}

// flagTable writes flags as a table.
func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	b.WriteString("| flag | |\n|---|---|\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind != "" {
			name += " " + kind
		}
		escape := strings.NewReplacer("|", `\|`)
		fmt.Fprintf(&b, "| `%s` | %s |\n", escape.Replace(name), escape.Replace(usage+defaultWords(f)))
	})
	return b.String()
}

// shortPath returns the name of a command without "p2pchain".
func shortPath(cmd *cobra.Command) string {
	return strings.TrimSpace(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()))
}

// TestEveryCommand holds every command, whoever wrote it, to what all of them have: a golden help text,
// an example, a shape for --json, and a test script that calls it.
func TestEveryCommand(t *testing.T) {
	a := &app{program: "p2pchain", lookupEnv: func(string) (string, bool) { return "", false }}
	root := a.rootCommand()
	scripts := scriptText(t)
	for _, cmd := range withSubcommands(root) {
		name := shortPath(cmd)
		help := filepath.Join("testdata", "help", manName(cmd)+".txt")
		if len(match(t, help)) == 0 {
			t.Errorf("%s has no golden help text %s: go test ./cmd/p2pchain -run TestHelp -update", cmd.CommandPath(), help)
		}
		if !cmd.HasExample() {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		if _, ok := shapes()[name]; !ok && !slices.Contains(withoutJSON(), name) {
			t.Errorf("%s has no shape for --json in shapes_test.go", cmd.CommandPath())
		}
		if name != "" && !cmd.HasSubCommands() && !strings.Contains(scripts, " "+name) {
			t.Errorf("no script in testdata/script calls %s", cmd.CommandPath())
		}
	}
	for name := range shapes() {
		if cmd, rest, err := root.Find(strings.Fields(name)); err != nil || len(rest) > 0 || shortPath(cmd) != name {
			t.Errorf("shapes_test.go has a shape of %q, which is no command", name)
		}
	}
}

// scriptText returns all test scripts.
func scriptText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, path := range match(t, filepath.Join("testdata", "script", "*.txtar")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

func match(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
