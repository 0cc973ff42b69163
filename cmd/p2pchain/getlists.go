package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// getMempool lists the waiting messages with what is known of their way here.
func (a *app) getMempool(ctx context.Context, c *client.Client, _ []string) error {
	waiting, bytes := 0, int64(0)
	err := showList(a, "messages", c.AllWaiting(ctx), 0, func(m client.WaitingMessage) error {
		waiting, bytes = waiting+1, bytes+int64(m.Size)
		from := "from a peer"
		if m.Local {
			from = "from here"
		}
		_, err := fmt.Fprintf(a.stdout, "%v  %v  %6d bytes  %-11s  %s\n", m.ID, m.Accepted, m.Size, from, messageText(m.MediaType, m.Payload))
		return err
	})
	if err != nil || a.shared.json {
		return err
	}
	a.remark(fmt.Sprintf("%s, %s", waitWords(waiting), plural(bytes, "byte")))
	return nil
}

// waitWords counts messages that wait.
func waitWords(n int) string {
	if n == 1 {
		return "1 message waits"
	}
	return plural(n, "message") + " wait"
}

// showList shows what a node lists as it comes: as {"NAME":[…],"length":n} where --json asks for it, else
// entry by entry. A limit of 0 is none.
func showList[T any](a *app, name string, list iter.Seq2[T, error], limit int, show func(T) error) error {
	each := func(f func(T) error) error {
		shown := 0
		for v, err := range list {
			if err != nil {
				return err
			}
			if err := f(v); err != nil {
				return err
			}
			if shown++; shown == limit {
				return nil
			}
		}
		return nil
	}
	if a.shared.json {
		return a.streamJSON(name, func(f func(any) error) error { return each(func(v T) error { return f(v) }) })
	}
	return each(show)
}

// A messageFilter says which messages a command lists.
type messageFilter struct {
	status        *choice
	author        string
	mediaType     string
	after, before string
	text          string
	limit         int
}

// getMessagesCommand is "get messages".
func (a *app) getMessagesCommand() *cobra.Command {
	f := &messageFilter{status: newChoice("any", "any", client.StatusWaiting, client.StatusConfirmed)}
	cmd := a.clientCommand(&cobra.Command{
		Use: "messages", Short: "Messages, newest first: those that wait, then those of the chain", Args: takes(0, 0),
		Example: `  p2pchain get messages --limit 10
  p2pchain get messages --status waiting
  p2pchain get messages --author "$(p2pchain key --json | jq -r .public_key)" --after 2026-01-31T00:00:00Z
  p2pchain get messages --type 'image/*' --json`,
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		filter, err := f.parse()
		if err != nil {
			return err
		}
		return showList(a, "messages", c.AllMessages(ctx, filter), f.limit, a.showMessageLine)
	})
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Var(f.status, "status", "only those that wait for a block, or that are in one")
	flags.StringVar(&f.author, "author", "", "only those of this public `KEY`")
	flags.StringVar(&f.mediaType, "type", "", "only those of this media `TYPE`, like text/plain or image/*")
	flags.StringVar(&f.after, "after", "", "only those from this `TIME` on, by the author's clock, like 2026-01-31T12:00:00Z")
	flags.StringVar(&f.before, "before", "", "only those before this `TIME`")
	flags.StringVar(&f.text, "text", "", "only those with all of these `WORDS`")
	flags.IntVar(&f.limit, "limit", 0, "at most so many `MESSAGES`; 0 is all")
	return cmd
}

// parse turns flags into a filter.
func (f *messageFilter) parse() (client.Filter, error) {
	out := client.Filter{MediaType: f.mediaType, Text: f.text}
	if f.status.value != "any" {
		out.Status = f.status.value
	}
	var errs []error
	if f.limit < 0 {
		errs = append(errs, usagef("--limit is %d, want 0 or more", f.limit))
	}
	if f.author != "" {
		key, err := core.ParsePublicKey(f.author)
		if err != nil {
			errs = append(errs, usagef("--author: %q is not a public key of 64 lower-case hex digits", f.author))
		}
		out.Author = &key
	}
	for _, at := range []struct {
		flag, text string
		into       *time.Time
	}{{"after", f.after, &out.After}, {"before", f.before, &out.Before}} {
		if at.text == "" {
			continue
		}
		var err error
		if *at.into, err = time.Parse(time.RFC3339, at.text); err != nil {
			errs = append(errs, usagef("--%s: %q is not a time like 2026-01-31T12:00:00Z", at.flag, at.text))
		}
	}
	return out, errors.Join(errs...)
}

// showMessageLine shows a message on one line.
func (a *app) showMessageLine(m client.Message) error {
	place := m.Status
	if m.Height != nil {
		place = fmt.Sprintf("block %d", *m.Height)
	}
	_, err := fmt.Fprintf(a.stdout, "%v  %-10s  %v  %s\n", m.ID, place, m.Time, messageText(m.MediaType, m.Payload))
	return err
}

// getHeadersCommand is "get headers".
func (a *app) getHeadersCommand() *cobra.Command {
	var from string
	var limit int
	cmd := a.clientCommand(&cobra.Command{
		Use: "headers", Short: "The headers of all blocks, the first one first", Args: takes(0, 0),
		Example: "  p2pchain get headers\n  p2pchain get headers --from 1200 --limit 10\n  p2pchain get headers --json | jq '.headers[].hash'",
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if from != "" && (from == "tip" || !isBlockName(from)) {
			return usagef("--from: %q is not a block: want a height, or a hash of 64 hex digits", from)
		}
		if limit < 0 {
			return usagef("--limit is %d, want 0 or more", limit)
		}
		return showList(a, "headers", c.AllHeaders(ctx, from), limit, func(h client.Block) error {
			_, err := fmt.Fprintf(a.stdout, "%8d  %v  %v  %s\n", h.Height, h.Time, h.Hash, plural(uint64(h.MessageCount), "message"))
			return err
		})
	})
	cmd.Flags().StringVar(&from, "from", "", "begin with this block: a `HEIGHT or HASH` on the best chain")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many `HEADERS`; 0 is all")
	return cmd
}

// forks is the answer of "get forks".
type forks struct {
	client.TipList
	Reorgs []client.Reorg `json:"reorgs"`
}

// getForksCommand is "get forks".
func (a *app) getForksCommand() *cobra.Command {
	var most int
	cmd := a.clientCommand(&cobra.Command{
		Use: "forks", Short: "The ends of all branches, and the reorgs between them", Args: takes(0, 0),
		Example: "  p2pchain get forks\n  p2pchain get forks --reorgs 100 --json",
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if most < 1 {
			return usagef("--reorgs is %d, want at least 1", most)
		}
		return a.getForks(ctx, c, most)
	})
	cmd.Flags().IntVar(&most, "reorgs", 20, "show the last `N` reorgs")
	return cmd
}

func (a *app) getForks(ctx context.Context, c *client.Client, most int) error {
	tips, err := c.Tips(ctx)
	if err != nil {
		return err
	}
	f := forks{TipList: tips, Reorgs: []client.Reorg{}}
	for cursor := ""; ; {
		page, err := c.Reorgs(ctx, cursor, min(most-len(f.Reorgs), 1000))
		if err != nil {
			return err
		}
		f.Reorgs = append(f.Reorgs, page.Reorgs...)
		if cursor = page.Next; cursor == "" || len(f.Reorgs) >= most {
			break
		}
	}
	return a.print(f, func(t *text) { showForks(t, f) })
}

func showForks(t *text, f forks) {
	t.cells("TIP", "HEIGHT", "STATUS", "LENGTH", "FORK", "PEERS", "HASH")
	for _, tip := range f.Tips {
		fork := "-"
		if tip.Fork != nil {
			fork = fmt.Sprint(tip.Fork.Height)
		}
		t.cells(tip.Time, tip.Height, printable(tip.Status), tip.Length, fork, len(tip.Peers), tip.Hash)
		if tip.Reason != "" {
			t.line("  because: %s", printable(tip.Reason))
		}
	}
	if f.More {
		t.line("and more, of less work or longer ago")
	}
	if n := len(f.Elsewhere); n > 0 {
		t.line("%s elsewhere: their tips are not known here", plural(n, "peer"))
	}
	if len(f.Reorgs) == 0 {
		t.line("\nno reorg since this node began")
		return
	}
	t.line("")
	t.cells("REORG", "AT", "REVERTED", "APPLIED", "BACK TO WAITING", "NEW TIP")
	for _, r := range f.Reorgs {
		returned := "-"
		if r.Returned != nil {
			returned = plural(*r.Returned, "message")
		}
		t.cells(r.Number, r.Time, plural(r.Reverted, "block"), plural(r.Applied, "block"), returned, r.NewTip)
	}
}
