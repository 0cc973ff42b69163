package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var (
	// explained is a command and what it is for, with nothing between them that a shell knows for a comment.
	explained = regexp.MustCompile(`\S {2,}[^# ]`)
	// quotedText stands for one argument of an example.
	quotedText = regexp.MustCompile(`"[^"]*"|'[^']*'|\$\([^)]*\)`)
	// beyond begins what is no part of a simple command any more.
	beyond = regexp.MustCompile(` (\||>|<|&&|#) ?`)
)

// TestExamples holds that every example of a help text can be copied as it stands: what explains it is a
// comment, and the command takes the flags and the arguments.
func TestExamples(t *testing.T) {
	root := (&app{program: "p2pchain"}).rootCommand()
	checked := 0
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			line = strings.TrimSpace(line)
			if explained.MatchString(line) {
				t.Errorf("%s: %q explains itself without a #, so whoever copies it runs that, too", cmd.CommandPath(), line)
			}
			_, call, ours := strings.Cut(" "+line, " p2pchain ")
			if !ours {
				continue
			}
			checked++
			if err := understood(call); err != nil {
				t.Errorf("%s: %q is not understood: %v", cmd.CommandPath(), line, err)
			}
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	if checked < 80 {
		t.Errorf("only %d examples were found", checked)
	}
}

// understood parses the arguments of an example as the command line does, and runs nothing.
func understood(call string) error {
	call = quotedText.ReplaceAllString(call, "aa"+strings.Repeat("0", 62)) // a key, too
	if at := beyond.FindStringIndex(" " + call); at != nil {
		call = call[:max(at[0]-1, 0)]
	}
	root := (&app{program: "p2pchain"}).rootCommand()
	cmd, rest, err := root.Find(strings.Fields(strings.TrimRight(call, ")")))
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}
