package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// addCommand is "add".
func (a *app) addCommand() *cobra.Command {
	var wait bool
	cmd := &cobra.Command{
		Use:     "add TEXT... | -",
		Short:   "Add a message, or with - each line of standard input as one",
		GroupID: groupClient,
		Long: `Adds a message through a running node. When it returns, the message is on that
node's disk and waits for a block; --wait waits for the block, too.

With - every line of standard input that is not empty becomes a message, in
order, as fast as the node takes them. A line that is not UTF-8 travels as bytes
(application/octet-stream).`,
		Example: `  p2pchain add "hello, chain"
  p2pchain add - --wait < /var/log/dpkg.log
  tail -F app.log | p2pchain add -`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "return only when all of it is in a block")
	return a.clientCommand(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 1 && args[0] == "-" {
			return a.addLines(ctx, c, wait)
		}
		return a.addText(ctx, c, strings.Join(args, " "), wait)
	})
}

// addText adds one message and shows where it stands.
func (a *app) addText(ctx context.Context, c *client.Client, words string, wait bool) error {
	receipt, err := c.Add(ctx, []byte(words), "")
	if err != nil {
		return err
	}
	if wait {
		m, err := c.Await(ctx, receipt.ID)
		if err != nil {
			return fmt.Errorf("message %v is stored; waiting for its block: %w", receipt.ID, err)
		}
		receipt.Standing = m.Standing
	}
	return a.print(receipt, func(t *text) {
		t.row("id", receipt.ID)
		t.standing(receipt.Standing)
	})
}

// A tally counts what became of the lines.
type tally struct {
	added, known, refused int
	ids                   []core.Hash // to wait for
}

// addLines adds every line of standard input.
func (a *app) addLines(ctx context.Context, c *client.Client, wait bool) error {
	var sum tally
	err := c.AddAll(ctx, untilDone(ctx, client.Lines(a.stdin)), func(r client.LineResult) error {
		return a.countLine(&sum, r, wait)
	})
	if err == nil {
		err = ctx.Err() // which ends the input early
	}
	if err == nil {
		for _, id := range sum.ids {
			if _, err = c.Await(ctx, id); err != nil {
				err = fmt.Errorf("all is stored; waiting for the block of message %v: %w", id, err)
				break
			}
		}
	}
	if !a.shared.json {
		fmt.Fprintf(a.stdout, "%s\n", sum.words(wait && err == nil))
	}
	if err == nil && sum.refused > 0 {
		err = fmt.Errorf("%d lines were not added: %w", sum.refused, client.ErrRefused)
	}
	return err
}

// countLine notes and shows the result of one line.
func (a *app) countLine(sum *tally, r client.LineResult, wait bool) error {
	switch r.Status {
	case client.LineAccepted:
		sum.added++
	case client.LineKnown:
		sum.known++
	default:
		sum.refused++
		fmt.Fprintf(a.stderr, "line %d: %s\n", r.Line, r.Detail)
	}
	if wait && r.ID != nil {
		sum.ids = append(sum.ids, *r.ID)
	}
	if a.shared.json {
		return a.printJSON(r)
	}
	return nil
}

// words says what became of the lines.
func (s *tally) words(confirmed bool) string {
	out := fmt.Sprintf("%d messages added", s.added)
	if s.added == 1 {
		out = "1 message added"
	}
	if confirmed {
		out += ", all in blocks"
	}
	if s.known > 0 {
		out += fmt.Sprintf(", %d known before", s.known)
	}
	if s.refused > 0 {
		out += fmt.Sprintf(", %d refused", s.refused)
	}
	return out
}

// untilDone yields what in does until ctx ends. Reading a terminal or a pipe cannot be interrupted,
// so it happens in a goroutine of its own, which ends with the input or with the process.
func untilDone(ctx context.Context, in iter.Seq2[[]byte, error]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p := pump{make(chan pumped), make(chan struct{})}
		go p.run(ctx, in)
		for {
			var item pumped
			var ok bool
			select {
			case item, ok = <-p.items:
			case <-ctx.Done():
			}
			if !ok || !yield(item.text, item.err) {
				return
			}
			select {
			case p.taken <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// A pump hands over one item after the other; the next only when the one before is not needed any
// more, since its memory is used again.
type pump struct {
	items chan pumped
	taken chan struct{}
}

type pumped struct {
	text []byte
	err  error
}

func (p pump) run(ctx context.Context, in iter.Seq2[[]byte, error]) {
	defer close(p.items)
	for text, err := range in {
		select {
		case p.items <- pumped{text, err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-p.taken:
		case <-ctx.Done():
			return
		}
	}
}
