package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/cmd/internal/node"
	"p2pchain/core"
)

// completionCommand is "completion", which prints a script that teaches a shell our words.
func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "completion bash|zsh|fish|powershell",
		Short:   "Print a script with which a shell completes commands, flags, and names of nodes",
		GroupID: groupTools,
		Long: `Prints a script for a shell. With it the Tab key completes commands, flags, the words
that a flag takes, the names of the nodes on this machine and the built-in networks.`,
		Example: `  source <(p2pchain completion bash)                                    # in this shell, with bash-completion
  mkdir -p ~/.local/share/bash-completion/completions                   # once, for the next line
  p2pchain completion bash > ~/.local/share/bash-completion/completions/p2pchain
  p2pchain completion zsh > "${fpath[1]}/_p2pchain"
  p2pchain completion fish > ~/.config/fish/completions/p2pchain.fish
  p2pchain completion powershell | Out-String | Invoke-Expression`,
		Args:        takes(1, 1),
		Annotations: map[string]string{noSettings: ""},
		ValidArgs:   shells(),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case "zsh":
				return root.GenZshCompletion(a.stdout)
			case "fish":
				return root.GenFishCompletion(a.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(a.stdout)
			}
			return usagef("%q is no shell that this knows: want %s", args[0], strings.Join(shells(), ", "))
		},
	}
}

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

// addCompletions tells every command below root what its arguments and flags may be.
func (a *app) addCompletions(cmd *cobra.Command) {
	if cmd.ValidArgs == nil && cmd.ValidArgsFunction == nil {
		cmd.ValidArgsFunction = argumentsOf(cmd)
	}
	add := func(f *pflag.Flag) {
		if complete := a.valuesOf(f); complete != nil {
			// It fails only where a command registered its own, which is right then.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
		}
	}
	if _, own := cmd.Annotations[ownFlags]; own {
		cmd.PersistentFlags().VisitAll(add)
	} else {
		cmd.LocalFlags().VisitAll(add)
	}
	for _, sub := range cmd.Commands() {
		a.addCompletions(sub)
	}
}

// argumentsOf returns what completes the arguments of a command: files where it takes some.
func argumentsOf(cmd *cobra.Command) cobra.CompletionFunc {
	switch _, form, _ := strings.Cut(cmd.Use, " "); {
	case cmd.Name() == "man":
		return completeCommand
	case form == "HEIGHT|HASH|tip":
		return cobra.FixedCompletions([]string{"tip\tthe last block"}, cobra.ShellCompDirectiveNoFileComp)
	case strings.Contains(form, "FILE") || strings.Contains(form, "PATH") || strings.Contains(form, "DIR"):
		return nil // the shell's own way
	}
	return cobra.NoFileCompletions
}

// completeCommand completes the name of a command.
func completeCommand(cmd *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
	about, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, sub := range about.Commands() {
		if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), begin) {
			words = append(words, sub.Name()+"\t"+sub.Short)
		}
	}
	if cmd.Name() == "man" && len(args) == 0 {
		return words, cobra.ShellCompDirectiveDefault
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// valuesOf returns what completes the values of a flag, nil for files and for flags without a value.
func (a *app) valuesOf(f *pflag.Flag) cobra.CompletionFunc {
	if c, ok := f.Value.(*choice); ok {
		return cobra.FixedCompletions(c.words, cobra.ShellCompDirectiveNoFileComp)
	}
	switch kind, _ := pflag.UnquoteUsage(f); {
	case f.Name == "name":
		return a.completeNode
	case f.Name == "network":
		return cobra.FixedCompletions(core.BuiltinNames(), cobra.ShellCompDirectiveNoFileComp)
	case f.Name == "genesis":
		return cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveFilterFileExt)
	case f.Name == "config":
		return cobra.FixedCompletions([]string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt)
	case kind == "FOLDER":
		return cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs)
	case kind == "FILE" || f.NoOptDefVal != "":
		return nil
	}
	return cobra.NoFileCompletions
}

// completeNode completes the name of a node on this machine: a folder in the data folder.
func (a *app) completeNode(cmd *cobra.Command, _ []string, begin string) ([]string, cobra.ShellCompDirective) {
	_ = a.loadSettings(cmd) // whatever is wrong there, no names is all that comes of it
	dir, err := a.dataDirOf("")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := slices.DeleteFunc(node.Names(dir), func(name string) bool { return !strings.HasPrefix(name, begin) })
	return names, cobra.ShellCompDirectiveNoFileComp
}
