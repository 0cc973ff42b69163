package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of the help text.
const (
	groupNode   = "node"
	groupClient = "client"
	groupTools  = "tools"
)

// sharedFlags are the flags of every command.
type sharedFlags struct {
	config  string
	dataDir string
	name    string
	json    bool
}

// rootCommand builds the tree of commands. The bare command is "run".
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "p2pchain",
		Short: "A replicated, append-only message log with proof of work, without a server or an operator",
		Long: `p2pchain keeps an append-only log of messages on every machine that takes part.
Nodes find each other, spread messages, seal them into proof-of-work blocks and
agree on one chain. The bare command starts a node, with pages that show all of it at
http://127.0.0.1:12345/.`,
		Example: `  p2pchain                             # start a node, or one more on this machine with --name two
  p2pchain add "hello"                 # add a message through it
  p2pchain get chain                   # what all nodes agreed on
  p2pchain invite                      # one line, with which another machine joins
  p2pchain join p2pchain1…             # there: join, and start a node
  p2pchain demo                        # five nodes on one page, to cut apart and to heal`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.loadSettings(cmd); err != nil {
				return err
			}
			a.started = true
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.shared.config, "config", "", "`FILE` with settings in YAML, named like the flags (default: p2pchain/config.yaml in your configuration folder)")
	flags.StringVar(&a.shared.dataDir, "data-dir", "", "`FOLDER` of the node's data (default: p2pchain in your data folder)")
	flags.StringVar(&a.shared.name, "name", "", "`NAME` of the node, where this machine has several; each has a folder of its own in the data folder")
	flags.BoolVar(&a.shared.json, "json", false, "results as JSON, for programs")
	root.SetGlobalNormalizationFunc(seedSpelling)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.Version = programVersion()
	root.SetVersionTemplate("p2pchain {{.Version}}\n")
	root.SetHelpCommand(helpCommand())
	root.SetFlagErrorFunc(flagError)

	a.addCommands(root)
	suggestCommands(root)
	a.addCompletions(root)
	return root
}

// addCommands adds all commands, in the groups in which help lists them.
func (a *app) addCommands(root *cobra.Command) {
	root.AddGroup(
		&cobra.Group{ID: groupNode, Title: "Run a node:"},
		&cobra.Group{ID: groupClient, Title: "Use a node:"},
		&cobra.Group{ID: groupTools, Title: "Other:"},
	)
	a.makeRun(root)
	root.AddCommand(
		a.runCommand(), a.initCommand(), a.joinCommand(), a.inviteCommand(), a.bootstrapCommand(), a.keyCommand(), a.tokenCommand(),
		a.addCommand(), a.anchorCommand(), a.proofCommand(), a.getCommand(), a.searchCommand(), a.tailCommand(), a.statusCommand(), a.mineCommand(), a.peersCommand(), a.eraseCommand(), a.uiCommand(), a.demoCommand(),
		a.verifyCommand(), a.exportCommand(), a.importCommand(), a.checkCommand(), a.backupCommand(), a.restoreCommand(),
		a.healthCommand(), a.doctorCommand(), a.benchCommand(), a.configCommand(), a.completionCommand(), a.manCommand(),
		a.versionCommand(), a.minerCommand(),
	)
}

// helpCommand is "help", which unlike cobra's takes a command that does not exist for a mistake.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about any command",
		GroupID: groupTools,
		Example: `  p2pchain help add
  p2pchain help get block`,
		Annotations:       map[string]string{noSettings: ""},
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef("there is no command %q", strings.Join(args, " "))
			}
			about.InitDefaultHelpFlag()
			about.InitDefaultVersionFlag()
			return about.Help()
		},
	}
}

// seedSpelling lets flags be written with underscores, as seed 1 wrote them.
func seedSpelling(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	b := []byte(name)
	for i := range b {
		if b[i] == '_' {
			b[i] = '-'
		}
	}
	return pflag.NormalizedName(b)
}

// The help texts: what a command is for, how others use it, then the details.
const (
	helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

	usageTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage:
{{- if .Runnable}}
  {{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} COMMAND{{end}}
{{- if .HasAvailableSubCommands}}{{$cmds := .Commands}}
{{- range $group := .Groups}}

{{.Title}}
{{- range $cmds}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if not .Groups}}

Commands:
{{- range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" tells more about a command.{{end}}
`
)
