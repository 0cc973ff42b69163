package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// manCommand is "man", which writes manual pages.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR|COMMAND...",
		Short:   "Write the manual pages into a folder, or print that of one command",
		GroupID: groupTools,
		Long: `Writes a manual page of every command, like p2pchain-add.1, into a folder that exists
or whose name has a slash, and makes that where it is missing. With the name of a
command it prints the page of that one.`,
		Example: `  p2pchain man add | man -l -
  p2pchain man get block | man -l -
  p2pchain man ~/.local/share/man/man1`,
		Args:        takes(1, anyNumber),
		Annotations: map[string]string{noSettings: ""},
		RunE:        func(cmd *cobra.Command, args []string) error { return a.man(cmd.Root(), args) },
	}
}

func (a *app) man(root *cobra.Command, args []string) error {
	if args[0] == root.Name() && len(args) == 1 {
		_, err := a.stdout.Write(manPage(root))
		return err
	}
	about, rest, err := root.Find(args)
	if err == nil && len(rest) == 0 && about != root {
		_, err := a.stdout.Write(manPage(about))
		return err
	}
	dir := args[0]
	info, err := os.Stat(dir)
	switch {
	case len(args) > 1:
		return usagef("there is no command %q", strings.Join(args, " "))
	case err == nil && !info.IsDir():
		return usagef("%s is no folder", dir)
	case errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(dir, `/\`):
		return usagef("there is no command %q, and no folder either; one that is to be made is called ./%s", dir, dir)
	}
	return a.writeManPages(root, dir)
}

// A manual is the answer of "man DIR".
type manual struct {
	Folder string   `json:"folder"`
	Pages  []string `json:"pages"`
}

func (a *app) writeManPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return usagef("%w", err)
	}
	m := manual{Folder: dir}
	for _, cmd := range withSubcommands(root) {
		name := manName(cmd) + ".1"
		if err := os.WriteFile(filepath.Join(dir, name), manPage(cmd), 0o644); err != nil {
			return usagef("%w", err)
		}
		m.Pages = append(m.Pages, name)
	}
	return a.print(m, func(t *text) {
		t.row("folder", printable(m.Folder))
		t.row("written", plural(len(m.Pages), "page"))
	})
}

// withSubcommands returns a command and all below it that users are to see, parents first.
func withSubcommands(cmd *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			list = append(list, withSubcommands(sub)...)
		}
	}
	return list
}

// manName returns the name of a command's page.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }
