package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manPage returns the manual page of a command in the man macros of roff. It holds no date, so the same
// version makes the same bytes everywhere.
func manPage(cmd *cobra.Command) []byte {
	var b strings.Builder
	cmd.InitDefaultHelpFlag()
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"p2pchain %s\" \"p2pchain manual\"\n", strings.ToUpper(manName(cmd)), roff(programVersion()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(manName(cmd)), roff(cmd.Short))
	b.WriteString(".SH SYNOPSIS\n.nf\n")
	if cmd.Runnable() {
		fmt.Fprintf(&b, "\\fB%s\\fR\n", roff(cmd.UseLine()))
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\\fB%s\\fR \\fICOMMAND\\fR\n", roff(cmd.CommandPath()))
	}
	b.WriteString(".fi\n")
	if long := cmd.Long; long != "" {
		fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", strings.ReplaceAll(roff(long), "\n\n", "\n.PP\n"))
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	manCommands(&b, cmd)
	manFlags(&b, "OPTIONS", cmd.LocalFlags())
	manFlags(&b, "OPTIONS OF EVERY COMMAND", cmd.InheritedFlags())
	manSurroundings(&b, cmd)
	manSeeAlso(&b, cmd)
	return []byte(b.String())
}

// manCommands lists the commands below one.
func manCommands(b *strings.Builder, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	b.WriteString(".SH COMMANDS\n")
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			fmt.Fprintf(b, ".TP\n\\fB%s\\fR\n%s\n", roff(sub.Name()), roff(sub.Short))
		}
	}
}

// manFlags explains flags.
func manFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		short := ""
		if f.Shorthand != "" {
			short = fmt.Sprintf("\\fB\\-%s\\fR, ", roff(f.Shorthand))
		}
		fmt.Fprintf(b, ".TP\n%s\\fB\\-\\-%s\\fR", short, roff(f.Name))
		if kind != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roff(kind))
		}
		fmt.Fprintf(b, "\n%s\n", roff(usage+defaultWords(f)))
	})
}

// defaultWords says what a flag is where nobody sets it, unless its own words do.
func defaultWords(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "0s", "false":
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}

// manSurroundings tells of codes, variables and files, in full on the first page alone.
func manSurroundings(b *strings.Builder, cmd *cobra.Command) {
	if cmd.HasParent() {
		fmt.Fprintf(b, ".SH EXIT STATUS\n0 where it did what it was to do; the other codes are in p2pchain(1).\n")
		return
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, row := range exitTable() {
		fmt.Fprintf(b, ".TP\n%d\n%s\n", row.code, roff(strings.ReplaceAll(row.meaning, "`", "")))
	}
	b.WriteString(`.SH ENVIRONMENT
.TP
\fBP2PCHAIN_\fINAME\fR
the value of the flag of this name, like P2PCHAIN_MAX_PEERS for \-\-max\-peers
.TP
\fBNO_COLOR\fR
if it is not empty, nothing is coloured
.SH FILES
.TP
\fI~/.config/p2pchain/config.yaml\fR
settings; p2pchain config init writes it
.TP
\fI~/.local/share/p2pchain\fR
the data folder of the node, and folders of named ones
`)
}

// manSeeAlso names the pages around one.
func manSeeAlso(b *strings.Builder, cmd *cobra.Command) {
	var names []string
	if cmd.HasParent() {
		names = append(names, manName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, manName(sub))
		}
	}
	if len(names) == 0 {
		return
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("\\fB%s\\fR(1)", roff(name))
	}
	fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", strings.Join(names, ", "))
}

// roff writes text so that roff shows it as it is.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", `\[u2026]`, "²", `\[u00B2]`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
