package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/anchor"
	"p2pchain/core"
	"p2pchain/core/document"
	"p2pchain/core/proof"
)

// anchorSource says where anchors are read.
type anchorSource struct {
	chain, proofs string
	author        string
}

func (o *anchorSource) declare(flags *pflag.FlagSet) {
	flags.StringVar(&o.author, "author", "", "only anchors of this `KEY`, 64 hex digits")
	flags.StringVar(&o.chain, "chain", "", "read them from a chain `FILE` (see export) and ask no node")
	flags.StringVar(&o.proofs, "proofs", "", "read them from the .p2pproof files of a `FOLDER` and ask no node")
}

// key returns the author, nil for any.
func (o *anchorSource) key() (*core.PublicKey, error) {
	if o.author == "" {
		return nil, nil
	}
	key, err := core.ParsePublicKey(strings.ToLower(o.author))
	if err != nil {
		return nil, usagef("--author %q is not a key of 64 hex digits", o.author)
	}
	return &key, nil
}

// anchorVerifyCommand is "anchor verify".
func (a *app) anchorVerifyCommand() *cobra.Command {
	var o anchorSource
	var choice anchor.Choice
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Say what of a log is as it was when it was anchored",
		Long: `Compares a log with all of its anchors, in one pass, and names every range of bytes and
lines that is intact, was altered, was cut off from the end, or is not anchored yet; and
for each between which two looks it was written, and in which blocks these anchors are.

The anchors are those of the log that is called as the file is; a rotated file is found,
too (app.log.1, app.log-20261121). Where several files had the name, the one that fits is
taken. Anchors can be written by whoever may write to a node: where it is not your own,
or several keys name this log, say whose count with --author.

The node is believed what it says about its chain. With --chain a whole chain file is
read and held to all rules instead, with --proofs files that "p2pchain proof" made.

It ends with 0 if all that was anchored is intact, with 19 if something was altered, with
22 if the end is missing and the rest is intact, and with 4 if there is no anchor.`,
		Example: `  p2pchain anchor verify /var/log/audit/audit.log
  p2pchain anchor verify audit.log.1 --log audit.log --author 3b6a27bc…
  p2pchain anchor verify audit.log --chain main.chain
  p2pchain anchor verify audit.log --json | jq '.ranges[]|select(.state=="altered")'`,
		Args: takes(1, 1),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&choice.Log, "log", "", "the `NAME` of the log in its anchors, if it is not that of the file")
	flags.StringVar(&choice.Generation, "generation", "", "compare with this generation: some `DIGITS` it begins with, as list shows them")
	o.declare(flags)
	f := addClientFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var err error
		if choice.Author, err = o.key(); err != nil {
			return err
		}
		choice.Generation = strings.ToLower(choice.Generation)
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		return a.anchorVerify(ctx, f, &o, choice, args[0])
	}
	return cmd
}

// anchorVerify compares a file with anchors.
func (a *app) anchorVerify(ctx context.Context, f *clientFlags, o *anchorSource, choice anchor.Choice, path string) error {
	if _, err := os.Stat(path); err != nil { // before anything long is done
		return usage(err)
	}
	stop := a.waiting("reading anchors")
	anchors, source, err := a.anchors(ctx, f, o, choice.Author)
	stop()
	if err != nil {
		return err
	}
	// Only now, so that a log that grows meanwhile is as long as its anchors say.
	file, err := os.Open(path)
	if err != nil {
		return usage(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return usagef("%s is not a regular file", path)
	}
	stop = a.waiting("reading " + filepath.Base(path))
	r, err := anchors.Check(file, uint64(info.Size()), filepath.Base(path), choice)
	stop()
	switch {
	case errors.Is(err, anchor.ErrSeveral):
		return usage(fmt.Errorf("--author: %w", err))
	case err != nil:
		return err
	}
	if err := a.print(r, func(t *text) { t.anchorReport(r, source) }); err != nil {
		return err
	}
	if err := r.Err(); err != nil {
		return fmt.Errorf("%s: %w%s", path, err, firstBad(r))
	}
	return nil
}

// firstBad names the first range that is not as it was.
func firstBad(r *anchor.Report) string {
	all := append([]*anchor.Comparison{&r.Comparison}, r.Before...)
	if r.Rival != nil {
		all = append(all, r.Rival)
	}
	for _, c := range all {
		for _, part := range c.Ranges {
			if part.State == r.Verdict {
				first := ""
				if part.State == anchor.Altered {
					first = "first in "
				}
				return fmt.Sprintf(", %sbytes %d to %d%s", first, part.From, part.To-1, linesOf(part))
			}
		}
	}
	return ""
}

// anchors gathers all anchors of an author from where the flags say, and words about that place.
func (a *app) anchors(ctx context.Context, f *clientFlags, o *anchorSource, author *core.PublicKey) (*anchor.Collection, string, error) {
	out := anchor.NewCollection()
	switch {
	case o.chain != "" && o.proofs != "":
		return nil, "", usagef("--chain and --proofs: give one of them")
	case o.chain != "":
		file, err := os.Open(o.chain)
		if err != nil {
			return nil, "", usage(err)
		}
		defer file.Close()
		from, err := out.AddChain(ctx, file)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", o.chain, err)
		}
		return out, fmt.Sprintf("%s, of network %v, up to block %d, %v", o.chain, from.Network, from.Height, from.Block), nil
	case o.proofs != "":
		return a.anchorsOfProofs(out, o.proofs)
	}
	c, err := a.connect(ctx, f)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	for m, err := range c.AllMessages(ctx, client.Filter{MediaType: document.AnchorType, Author: author}) {
		if err != nil {
			return nil, "", err
		}
		var at anchor.Place
		if m.Status == client.StatusConfirmed && m.Height != nil && m.Block != nil && m.BlockTime != nil {
			at = anchor.Place{Height: *m.Height, Block: *m.Block, BlockTime: anchor.Moment(*m.BlockTime)}
		}
		if m.Payload.Message == nil {
			out.Erased++
			continue
		}
		out.Add([]byte(*m.Payload.Message), m.ID, m.Author, at)
	}
	return out, "the node at " + c.Address(), nil
}

// anchorsOfProofs reads proofs. One that does not hold is an error: whoever gave it is to be asked.
func (a *app) anchorsOfProofs(out *anchor.Collection, folder string) (*anchor.Collection, string, error) {
	const most = 1 << 20
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, "", usage(err)
	}
	var source anchor.Source
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".p2pproof" {
			continue
		}
		path := filepath.Join(folder, e.Name())
		info, err := e.Info()
		if err == nil && (info.Size() > most || !info.Mode().IsRegular()) {
			err = &fs.PathError{Op: "reading", Path: path, Err: errors.New("it is no proof")}
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(path)
		}
		if err != nil {
			return nil, "", usage(err)
		}
		s, err := out.AddProof(text)
		if fault, ok := errors.AsType[*proof.Fault](err); ok {
			return nil, "", fmt.Errorf("%s: %w: %w", path, errAltered, fault)
		}
		if err == nil {
			err = source.Take(s)
		}
		if err != nil {
			return nil, "", usage(fmt.Errorf("%s: %w", path, err))
		}
	}
	if source.Proofs == 0 {
		return nil, "", usagef("--proofs %s: there is no .p2pproof file in it", folder)
	}
	return out, fmt.Sprintf("%s of network %v; whether their blocks are those of the chain that you know, 'p2pchain verify --node' says",
		plural(source.Proofs, "proof"), source.Network), nil
}

// anchorListCommand is "anchor list".
func (a *app) anchorListCommand() *cobra.Command {
	var o anchorSource
	cmd := &cobra.Command{
		Use:   "list [NAME]",
		Short: "List the logs that are anchored, with each file that had the name",
		Example: `  p2pchain anchor list
  p2pchain anchor list audit.log --author 3b6a27bc…`,
		Args: takes(0, 1),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.declare(flags)
	f := addClientFlags(flags)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		author, err := o.key()
		if err != nil {
			return err
		}
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		anchors, _, err := a.anchors(ctx, f, &o, author)
		if err != nil {
			return err
		}
		return a.anchorList(anchors.Lines(func(l *anchor.Line) bool {
			return (author == nil || l.Author == *author) && (len(args) == 0 || l.Log == args[0])
		}))
	}
	return cmd
}

// anchoredLogs is what "anchor list --json" shows.
type anchoredLogs struct {
	Logs   []anchor.Summary `json:"logs"`
	Length int              `json:"length"`
}

func (a *app) anchorList(lines []*anchor.Line) error {
	out := anchoredLogs{Logs: []anchor.Summary{}, Length: len(lines)}
	for _, l := range lines {
		out.Logs = append(out.Logs, l.Summary())
	}
	slices.SortStableFunc(out.Logs, func(x, y anchor.Summary) int { return strings.Compare(x.Log, y.Log) })
	if len(lines) == 0 && !a.shared.json {
		a.remark("no log is anchored")
	}
	return a.print(out, func(t *text) {
		if len(out.Logs) > 0 {
			t.cells("LOG", "GENERATION", "BEGAN", "ANCHORS", "BYTES", "LINES", "FIRST LOOK", "LAST LOOK", "AUTHOR")
		}
		for _, s := range out.Logs {
			t.cells(printable(s.Log), s.Generation[:12], s.Began, s.Anchors, s.Length, s.Lines, s.First.Time, s.Last.Time, s.Author.String()[:12])
		}
	})
}
