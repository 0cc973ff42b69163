package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/api/client"
)

// searchCommand is "search".
func (a *app) searchCommand() *cobra.Command {
	var limit int
	var files sources
	var flags *pflag.FlagSet
	cmd := a.clientCommand(&cobra.Command{
		Use:     "search WORDS...",
		Short:   "Find blocks and messages by words, by a height, by a hash, or by a file",
		GroupID: groupClient,
		Long: `Finds the block at a height, the blocks and messages whose hash begins with some digits,
and the messages that have all of the words, in any case and order, newest first. It ends
with 4 if there is nothing.

With --file, --directory or --git it tells whether a file, a directory or a commit with
this very content was notarised, when and where. 64 digits are a SHA-256 of a file, too.`,
		Example: `  p2pchain search hello
  p2pchain search disk full --limit 0          # all that there are
  p2pchain search 1d51b1a8                     # what has this hash
  p2pchain search --file report.pdf            # was it notarised, and when
  p2pchain search "$(sha256sum < report.pdf | cut -c1-64)"
  p2pchain search hello --json | jq -r '.messages[].id'`,
		Args: takes(0, anyNumber),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		if limit < 0 {
			return usagef("--limit is %d, want 0 or more", limit)
		}
		switch {
		case files.count() > 0 && len(args) > 0:
			return usagef("--file, --directory and --git take no words besides")
		case files.count() == 0 && len(args) == 0:
			return usagef("an argument is missing: want p2pchain search WORDS... | --file FILE")
		}
		if err := files.check(flags); err != nil {
			return err
		}
		if files.count() > 0 {
			return a.searchSources(ctx, c, &files, limit)
		}
		return a.search(ctx, c, strings.Join(args, " "), limit)
	})
	flags = cmd.Flags()
	files.declareFinding(flags, "find")
	cmd.Flags().IntVar(&limit, "limit", 20, "look on until there are so many `MESSAGES`; 0 is all")
	return cmd
}

func (a *app) search(ctx context.Context, c *client.Client, words string, limit int) error {
	stop := a.waiting("searching")
	found, err := a.find(ctx, c, words, limit)
	stop()
	if err != nil {
		return err
	}
	if a.shared.json {
		err = a.printJSON(found)
	} else {
		err = a.showFound(found)
	}
	if err == nil && len(found.Blocks)+len(found.Messages) == 0 {
		err = nothingHas(words)
	}
	return err
}

func (a *app) showFound(found client.SearchResult) error {
	for _, b := range found.Blocks {
		if _, err := fmt.Fprintf(a.stdout, "block %d  %v  %v  %s\n", b.Height, b.Time, b.Hash, plural(uint64(b.MessageCount), "message")); err != nil {
			return err
		}
	}
	for _, m := range found.Messages {
		if err := a.showMessageLine(m); err != nil {
			return err
		}
		if m.Written == nil {
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "    %s\n", printable(m.Written.Words)); err != nil {
			return err
		}
	}
	if found.Next != "" {
		a.remark(fmt.Sprintf("there may be more: %s were looked at; see --limit", plural(found.LookedAt, "message")))
	}
	return nil
}

// find asks on until enough was found, or everything was looked at. The node looks at a bounded number of
// messages at a time.
func (a *app) find(ctx context.Context, c *client.Client, words string, limit int) (client.SearchResult, error) {
	const page = 200
	found, err := c.Search(ctx, words)
	for err == nil && found.Next != "" && (limit == 0 || len(found.Messages) < limit) {
		want := page
		if limit > 0 {
			want = min(page, limit-len(found.Messages))
		}
		var more client.MessagePage
		more, err = c.Messages(ctx, client.Filter{Text: words}, found.Next, want)
		found.Messages = append(found.Messages, more.Messages...)
		found.Next, found.LookedAt = more.Next, found.LookedAt+more.LookedAt
	}
	return found, err
}
