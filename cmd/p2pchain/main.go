// Command p2pchain runs a node of a p2pchain network, and talks to nodes that run.
//
// The bare command starts a node. Everything else is a subcommand, one file each; results go to
// standard output, all else to standard error, and exit.go holds the one table of exit codes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker (see the Makefile); nothing else writes it. See programVersion.
var version = "unknown"

func main() {
	a := &app{program: os.Args[0], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, environ: os.Environ}
	os.Exit(a.run(os.Args[1:]))
}

// An app is one run of the command: its streams, its surroundings and the settings that all
// subcommands share.
type app struct {
	program        string // how the user called it, for commands to copy
	stdin          io.Reader
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	environ        func() []string // all variables, as NAME=VALUE

	shared  sharedFlags
	origins map[string]origin // flag → where its value comes from; default values have no entry
	started bool              // arguments and settings were understood
}

// run executes the command line and returns the exit code.
func (a *app) run(args []string) int {
	ctx, stop := untilSignal(context.Background(), a.stderr, endPatience)
	defer stop()
	args, err := rewriteSeedFlags(args)
	if err != nil {
		return a.report(usage(err), nil)
	}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !a.started {
		err = usage(dashError(root, args, err))
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Canceled) && !errors.Is(err, errInterrupted) {
		err = errInterrupted
	}
	return a.report(explain(err), cmd)
}

// report says on standard error what went wrong and returns the exit code for it.
func (a *app) report(err error, cmd *cobra.Command) int {
	if err == nil {
		return exitOK
	}
	for i, line := range strings.Split(wording(err), "\n") { // may quote what strangers wrote
		if i == 0 {
			line = "p2pchain: " + line
		}
		text := strings.TrimLeft(line, "\t") // with which suggestions are indented
		fmt.Fprintln(a.stderr, strings.Repeat("  ", len(line)-len(text))+printable(text))
	}
	row := exitRowOf(err)
	switch advice := adviceFor(err, row); {
	case row.code == exitUsage && cmd != nil:
		fmt.Fprintf(a.stderr, "see '%s --help'\n", cmd.CommandPath())
	case advice != "":
		fmt.Fprintf(a.stderr, "what to do: %s\n", strings.ReplaceAll(advice, "`", ""))
	}
	return row.code
}
