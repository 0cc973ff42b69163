package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

const configPage = "../../docs/configuration.md"

const configHead = `# Settings

Generated from the flags: ` + "`go test ./cmd/p2pchain -run TestConfigPage -update`" + ` writes it.

Every setting has one name and can be given in three ways. What stands further up in this list wins:

1. a flag: ` + "`p2pchain --max-peers 20`" + `
2. a variable: ` + "`P2PCHAIN_MAX_PEERS=20`" + `; several values of one setting are separated by commas
3. a line of the configuration file: ` + "`max-peers: 20`" + `
4. the default

` + "`p2pchain config show --origin`" + ` says for each setting what it is and where that comes from. ` + "`p2pchain config init`" + ` writes a file
in which every setting is explained and commented out. A wrong name or value in any of them ends the command with exit code 2 and
names what was meant.

## The file

It is YAML: a mapping of settings to values or lists of values. It is looked for as ` + "`p2pchain/config.yaml`" + ` in the user's
configuration folder (` + "`~/.config`" + ` on Linux, ` + "`~/Library/Application Support`" + ` on macOS, ` + "`%AppData%`" + ` on Windows);
` + "`--config FILE`" + ` or ` + "`P2PCHAIN_CONFIG`" + ` names another one.

` + "```yaml" + `
max-peers: 20
mine: off
bootstrap:
  - http://192.168.1.20:12345
  - /dnsaddr/seeds.example.org
` + "```" + `

The file holds choices, no secrets: the key of a node, its tokens and the network that it belongs to are in its data folder.

`

const configTail = `Flags of [single commands](cli.md) can be set in the same ways; that is rarely of use.
`

// TestConfigPage holds the page of settings to the flags.
func TestConfigPage(t *testing.T) {
	a := &app{program: "p2pchain", lookupEnv: func(string) (string, bool) { return "", false }}
	root := a.rootCommand()
	run, _, err := root.Find([]string{"run"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString(configHead)
	chapter := func(title string, flags *pflag.FlagSet) {
		fmt.Fprintf(&b, "## %s\n\n| setting | variable | |\n|---|---|---|\n", title)
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden || slices.Contains(commandLineOnly(), f.Name) {
				return
			}
			_, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", f.Name, envName(f.Name), strings.ReplaceAll(usage+defaultWords(f), "|", `\|`))
		})
		b.WriteString("\n")
	}
	chapter("Of a node", run.LocalNonPersistentFlags())
	clients := pflag.NewFlagSet("", pflag.ContinueOnError)
	addClientFlags(clients)
	chapter("Of commands that talk to a node", clients)
	chapter("Of every command", root.PersistentFlags())
	b.WriteString(configTail)
	golden(t, configPage, b.Bytes())
}
