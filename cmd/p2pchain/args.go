package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// anyNumber is no limit of arguments.
const anyNumber = -1

// takes returns a check of how many arguments a command gets, which says what it wants.
func takes(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usagef("an argument is missing: want %s", form(cmd))
		case most == anyNumber || len(args) <= most:
			return nil
		case most == 0:
			return usagef("%s takes no arguments, and got %q", cmd.CommandPath(), args[0])
		}
		return usagef("%q is one argument too many: want %s", args[most], form(cmd))
	}
}

// form returns how a command is called, without its flags.
func form(cmd *cobra.Command) string {
	return strings.TrimSuffix(cmd.CommandPath(), cmd.Name()) + cmd.Use
}
