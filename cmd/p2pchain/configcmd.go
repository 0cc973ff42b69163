package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// configCommand is "config".
func (a *app) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Show the settings and where they come from, or write a file for them",
		GroupID: groupTools,
		Long: `Every flag of a node can be set in three ways: by the flag, by an environment variable
named like it (P2PCHAIN_MAX_PEERS for --max-peers), or in a configuration file; the
first of these that says something counts.`,
		Example: `  p2pchain config show --origin
  p2pchain config init`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return usagef("config what? show or init") },
	}
	cmd.AddCommand(a.configShowCommand(), a.configInitCommand())
	return cmd
}

func (a *app) configShowCommand() *cobra.Command {
	var origins bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show every setting and its value, and with --origin where it comes from",
		Long: `Shows the value of every setting that a node, and a command that talks to one, would
have if it were started now, here, with these flags. The origin is a flag, an
environment variable, a line of the configuration file, or the default.`,
		Example: `  p2pchain config show
  p2pchain config show --origin
  p2pchain config show --origin --mine off      # what a node started with --mine off would do
  p2pchain config show --json | jq '.settings[] | select(.source != "default")'`,
		Args: takes(0, 0),
	}
	cmd.Flags().BoolVar(&origins, "origin", false, "show where each value comes from, too")
	a.addAllSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.showConfig(cmd, origins) }
	return cmd
}

func (a *app) configInitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init [FILE|-]",
		Short: "Write a configuration file that explains every setting",
		Long: `Writes a configuration file with every setting, explained and commented out, but for
those that the flags and the environment of this call set. Unless told otherwise it
goes where p2pchain looks for it. A file that is there is not replaced.`,
		Example: `  p2pchain config init
  p2pchain config init --mine off --max-peers 100
  p2pchain config init lab.yaml && p2pchain --config lab.yaml
  p2pchain config init -                        # to standard output`,
		Args:        takes(0, 1),
		Annotations: map[string]string{noConfigFile: ""},
	}
	a.addAllSettings(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.initConfig(cmd, args) }
	return cmd
}

// addAllSettings declares the flags of a node and those of the commands that talk to one.
func (a *app) addAllSettings(cmd *cobra.Command) {
	a.newRunFlags(cmd)
	client := pflag.NewFlagSet("client", pflag.ContinueOnError)
	client.SortFlags = false
	addClientFlags(client)
	client.VisitAll(func(f *pflag.Flag) {
		if cmd.Flags().Lookup(f.Name) == nil {
			cmd.Flags().AddFlag(f)
		}
	})
}

// A setting is one row of "config show".
type setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"`          // flag, environment, file or default
	Where  string `json:"where,omitempty"` // the variable, or the file and its line
}

// A configuration is the answer of "config show".
type configuration struct {
	File     string    `json:"file"` // that was read, empty if there is none
	Settings []setting `json:"settings"`
}

func (a *app) showConfig(cmd *cobra.Command, origins bool) error {
	file, err := a.readConfigFile(cmd)
	if err != nil {
		return err
	}
	c := configuration{File: file.path, Settings: a.settings(cmd, file)}
	for _, words := range a.strayVariables(cmd) {
		a.remark(words)
	}
	return a.print(c, func(t *text) {
		for _, s := range c.Settings {
			value := printable(s.Value)
			if value == "" {
				value = "-"
			}
			if origins {
				t.cells(s.Name, value, printable(origin{s.Source, s.Where}.String()))
			} else {
				t.cells(s.Name, value)
			}
		}
	})
}

// settings lists the settings of a command, and what is set for others.
func (a *app) settings(cmd *cobra.Command, file configFile) []setting {
	var list []setting
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		from := a.origins[f.Name]
		if slices.Contains(commandLineOnly(), f.Name) || f.Name == "origin" || f.Hidden && from.source == "" {
			return
		}
		if from.source == "" {
			from.source = sourceDefault
		}
		list = append(list, setting{f.Name, f.Value.String(), from.source, from.where})
	})
	for _, name := range knownSettings(cmd.Root()) {
		if cmd.Flags().Lookup(name) != nil {
			continue
		}
		if value, from := a.outside(name, file); from != (origin{}) {
			list = append(list, setting{name, value, from.source, from.where})
		}
	}
	return list
}

// strayVariables says of every variable of ours that it sets nothing.
func (a *app) strayVariables(cmd *cobra.Command) []string {
	if a.environ == nil {
		return nil
	}
	known := []string{envName("config")}
	for _, name := range knownSettings(cmd.Root()) {
		known = append(known, envName(name))
	}
	var words []string
	for _, entry := range a.environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || value == "" || slices.Contains(known, name) {
			continue
		}
		line := fmt.Sprintf("environment variable %s sets nothing", printable(name))
		if right := nearest(name[len(envPrefix):], trimEach(known, envPrefix)); right != "" {
			line += fmt.Sprintf("; did you mean %s%s?", envPrefix, right)
		}
		words = append(words, line)
	}
	slices.Sort(words)
	return words
}

// trimEach returns the words without their prefix.
func trimEach(words []string, prefix string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = strings.TrimPrefix(word, prefix)
	}
	return out
}

// A configFileMade is the answer of "config init".
type configFileMade struct {
	File string `json:"file"`
	Set  int    `json:"set"` // so many settings have a value, the others are commented out
}

func (a *app) initConfig(cmd *cobra.Command, args []string) error {
	template, set, err := a.configTemplate(cmd)
	if err != nil {
		return err
	}
	path, _ := a.configPath()
	if len(args) > 0 {
		path = args[0]
	}
	switch path {
	case "-":
		_, err := io.WriteString(a.stdout, template)
		return err
	case "":
		return usagef("there is no home directory: say which FILE to write")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return usagef("%w", err)
	}
	if err := writeNew(path, []byte(template)); errors.Is(err, os.ErrExist) {
		return usagef("%s exists already; edit it, or choose another FILE", path)
	} else if err != nil {
		return usagef("%w", err)
	}
	made := configFileMade{path, set}
	return a.print(made, func(t *text) {
		t.row("file", made.File)
		t.row("set", plural(made.Set, "setting"))
	})
}

// configTemplate writes every setting as YAML, with the words of its flag. What is set in this call has
// its value, the rest is commented out.
func (a *app) configTemplate(cmd *cobra.Command) (out string, set int, err error) {
	var b strings.Builder
	b.WriteString(`# Settings of p2pchain. Each is named like its flag; a flag, and a variable like P2PCHAIN_MINE, count
# more than this file. 'p2pchain config show --origin' says what counts. Repeatable settings take a list.
`)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || slices.Contains(append(commandLineOnly(), "json"), f.Name) {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(&b, "\n%s", commented(usage))
		if !a.isSet(f.Name) {
			fmt.Fprintf(&b, "#%s: %s\n", f.Name, example(f, kind))
			return
		}
		set++
		var line []byte
		if line, err = yaml.Marshal(map[string]*yaml.Node{f.Name: {Kind: yaml.ScalarNode, Value: f.Value.String()}}); err == nil {
			b.Write(line)
		}
	})
	return b.String(), set, err
}

// example returns the default of a setting, or what it takes.
func example(f *pflag.Flag, kind string) string {
	switch {
	case f.DefValue != "" && f.DefValue != "0" && f.DefValue != "0s":
		return f.DefValue
	case kind == "":
		return "false"
	}
	return kind
}

// commented breaks words into lines of a comment.
func commented(words string) string {
	const columns = 98
	var b strings.Builder
	line := "#"
	for _, word := range strings.Fields(words) {
		if len(line)+1+len(word) > columns {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
