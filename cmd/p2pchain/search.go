package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// searchCommand is "search".
func (a *app) searchCommand() *cobra.Command {
	var limit int
	cmd := a.clientCommand(&cobra.Command{
		Use:     "search WORDS...",
		Short:   "Find blocks and messages by words, by a height, or by the beginning of a hash",
		GroupID: groupClient,
		Long: `Finds the block at a height, the blocks and messages whose hash begins with some digits,
and the messages that have all of the words, in any case and order, newest first. It ends
with 4 if there is nothing.`,
		Example: `  p2pchain search hello
  p2pchain search disk full --limit 0          all that there are
  p2pchain search 1d51b1a8                     what has this hash
  p2pchain search hello --json | jq -r '.messages[].id'`,
		Args: takes(1, anyNumber),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		if limit < 0 {
			return usagef("--limit is %d, want 0 or more", limit)
		}
		return a.search(ctx, c, strings.Join(args, " "), limit)
	})
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
		err = fmt.Errorf("nothing has %q: %w", words, client.ErrNotFound)
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
