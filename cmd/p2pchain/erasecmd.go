package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// erasePoll is how often a node is asked whether the bytes are gone.
const erasePoll = 500 * time.Millisecond

// eraseFlags are the flags of "erase".
type eraseFlags struct {
	yes, local, wait bool
}

// eraseCommand is "erase".
func (a *app) eraseCommand() *cobra.Command {
	var o eraseFlags
	cmd := a.clientCommand(&cobra.Command{
		Use:     "erase ID",
		Short:   "Erase what a message says, on this node and as far as others honour it",
		GroupID: groupClient,
		Long: `Has a node forget the payload of a message. From then on it shows it to nobody, and
its bytes leave the node's files when the message's block is settled: six blocks below
the tip, or an hour old. What stays, for everybody and for ever, is that the message
was written: its id, author, times, type, size, signature and place in the chain, and
every proof of these.

Where the node's own key wrote the message, a message of that key asks all other nodes
to do the same, and those that honour it, as they do by default, do. With --local, or
for a message of somebody else, only this node's copy goes.

Copies cannot be recalled: what others read, exported, backed up or proved with its
content stays with them, and so does the copy of a node that does not honour the wish.

It asks before it does anything, and --yes answers. --wait returns when no file of the
node has the bytes any more.`,
		Example: `  p2pchain erase 1d51b1a8…
  p2pchain erase 1d51b1a8… --local
  p2pchain erase 1d51b1a8… --yes --wait --timeout 5m`,
		Args: takes(1, 1),
	}, func(ctx context.Context, c *client.Client, args []string) error { return a.erase(ctx, c, args[0], o) })
	flags := cmd.Flags()
	flags.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	flags.BoolVar(&o.local, "local", false, "only this node's copy: ask no other node")
	flags.BoolVar(&o.wait, "wait", false, "wait until the bytes are gone from the node's files")
	return cmd
}

// erase erases a message, if whoever is asked agrees.
func (a *app) erase(ctx context.Context, c *client.Client, name string, o eraseFlags) error {
	id, err := core.ParseHash(name)
	if err != nil {
		return usagef("%q is not a message id of 64 hex digits", name)
	}
	m, err := c.Message(ctx, id)
	if err != nil {
		return err
	}
	scope := client.ScopeLocal
	if !o.local {
		n, err := c.Node(ctx)
		if err != nil {
			return err
		}
		if n.Author == m.Author {
			scope = client.ScopeNetwork
		}
	}
	if !o.yes {
		if err := a.askErase(ctx, m, scope); err != nil {
			return err
		}
	}
	done, err := c.Erase(ctx, id, scope)
	if err != nil {
		return err
	}
	if o.wait {
		if done.Erasure, err = a.awaitGone(ctx, c, id); err != nil {
			return err
		}
	}
	return a.print(done, func(t *text) { t.erased(done) })
}

// askErase says what would happen, and asks.
func (a *app) askErase(ctx context.Context, m client.Message, scope string) error {
	nobody := usagef("this cannot be undone, and standard input is no terminal on which to ask: give --yes if you are sure")
	if file, ok := a.stdin.(*os.File); !ok || !isTerminal(file) {
		return nobody
	}
	fmt.Fprintf(a.stderr, "%s\n\n", payloadText(m.Payload))
	if scope == client.ScopeNetwork {
		fmt.Fprintln(a.stderr, "This node will forget what the message says, and ask all others to do the same.")
	} else {
		fmt.Fprintln(a.stderr, "This node will forget what the message says. Other nodes keep it: they are not asked.")
	}
	fmt.Fprint(a.stderr, "It cannot be undone, and copies elsewhere cannot be recalled. Erase it? [y/N] ")
	for line, err := range untilDone(ctx, client.Lines(a.stdin)) {
		if err != nil {
			return err
		}
		switch strings.ToLower(strings.TrimSpace(string(line))) {
		case "y", "yes":
			return nil
		}
		return errors.New("the answer was not yes: nothing was erased")
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return nobody // /dev/null looks like a terminal
}

// awaitGone waits until no file of the node has the bytes of an erased message.
func (a *app) awaitGone(ctx context.Context, c *client.Client, id core.Hash) (*client.Erasure, error) {
	stop := a.waiting("waiting until the bytes are gone")
	defer stop()
	tick := time.NewTicker(erasePoll)
	defer tick.Stop()
	for {
		m, err := c.Message(ctx, id)
		if err != nil || m.Erasure != nil && m.Erasure.Gone {
			return m.Erasure, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("message %v is erased and shown to nobody, but its bytes are still in files: %w", id, ctx.Err())
		case <-tick.C:
		}
	}
}

// erased says what became of a message that was to be erased.
func (t *text) erased(done client.EraseResult) {
	t.row("erased", done.ID)
	if done.Message != nil {
		t.row("asked by", fmt.Sprintf("%v, which other nodes honour unless they were told not to", done.Message))
	} else {
		t.row("asked by", "nobody: only this node's copy goes")
	}
	t.row("bytes", bytesWords(done.Erasure))
	t.row("note", "copies elsewhere cannot be recalled")
}

// bytesWords says where the bytes of an erased message are.
func bytesWords(e *client.Erasure) string {
	switch {
	case e == nil || !e.Settled:
		return "shown to nobody; they go when the block is settled, with six on top or after an hour"
	case !e.Gone:
		return "shown to nobody; they are leaving this node's files"
	}
	return "gone from this node's files"
}

// eraser says who erased a message, and when.
func eraser(e *client.Erasure) string {
	who := "the operator of this node"
	if e.By == client.ByAuthor {
		who = "its author"
	}
	return fmt.Sprintf("by %s, %v by this node's clock; %s", who, e.At, bytesWords(e))
}

// getErasedCommand is "get erased".
func (a *app) getErasedCommand() *cobra.Command {
	limit := 0
	cmd := a.clientCommand(&cobra.Command{
		Use: "erased", Short: "Who erased what, and when, newest first", Args: takes(0, 0),
		Long: `Lists the messages whose payload this node has forgotten or is about to, the last one
first: when, by whom, and which message.`,
		Example: "  p2pchain get erased\n  p2pchain get erased --limit 0 --json | jq -r '.erased[].id'",
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if limit < 0 {
			return usagef("--limit is %d, want 0 or more", limit)
		}
		return a.getErased(ctx, c, limit)
	})
	cmd.Flags().IntVar(&limit, "limit", 20, "at most so many `MESSAGES`; 0 is all")
	return cmd
}

func (a *app) getErased(ctx context.Context, c *client.Client, limit int) error {
	count := 0
	err := showList(a, "erased", c.AllErased(ctx), limit, func(m client.ErasedMessage) error {
		count++
		var when, who string
		if e := m.Erasure; e != nil {
			when, who = e.At.String(), e.By
		}
		_, err := fmt.Fprintf(a.stdout, "%s  %-8s  %v  of %.8s, %s\n", when, who, m.ID, m.Author, plural(m.Size, "byte"))
		return err
	})
	if err == nil && count == 0 && !a.shared.json {
		a.remark("nothing was erased")
	}
	return err
}
