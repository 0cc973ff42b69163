package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

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

With - every line of standard input that is not empty becomes a message, as fast
as the node takes them. The node gets them in order; the chain keeps that order
from block to block only while one node mines. A line that is not UTF-8 travels
as bytes (application/octet-stream).`,
		Example: `  p2pchain add "hello, chain"
  p2pchain add - --wait < /var/log/dpkg.log
  tail -F app.log | p2pchain add -`,
		Args: takes(1, anyNumber),
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "return only when all of it is in a block")
	return a.clientCommand(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if len(args) == 1 && args[0] == "-" {
			return a.addLines(ctx, c, wait)
		}
		return a.addText(ctx, c, strings.Join(args, " "), wait)
	})
}

// farewell is how long what is under way may take to end after a signal, so that it need not be said
// to be in doubt.
const farewell = 3 * time.Second

// lingering returns a context that ends as ctx does, but after a cancellation only when the farewell
// is over.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	if limit, ok := ctx.Deadline(); ok {
		own, cancel = context.WithDeadline(own, limit)
	}
	context.AfterFunc(ctx, func() {
		timer := time.NewTimer(farewell)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-own.Done():
		}
	})
	return own, cancel
}

// addText adds one message and shows where it stands. What is stored is shown even if its block does
// not come in time.
func (a *app) addText(ctx context.Context, c *client.Client, words string, wait bool) error {
	sending, cancel := lingering(ctx)
	defer cancel()
	receipt, err := c.Add(sending, []byte(words), "")
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: the message is in doubt: the node may have it or not", errInterrupted)
	}
	if err != nil {
		return err
	}
	if wait {
		m, awaitErr := c.Await(ctx, receipt.ID)
		switch {
		case awaitErr == nil:
			receipt.Standing = m.Standing
		case errors.Is(awaitErr, context.Canceled):
			err = fmt.Errorf("%w: message %v is stored and waits for its block", errInterrupted, receipt.ID)
		default:
			err = fmt.Errorf("message %v is stored; waiting for its block: %w", receipt.ID, awaitErr)
		}
	}
	return errors.Join(err, a.print(receipt, func(t *text) {
		t.row("id", receipt.ID)
		t.standing(receipt.Standing)
	}))
}

// A tally counts what became of the lines.
type tally struct {
	added, known, refused int
	done, doubt           int         // so many lines after line done may be stored or not
	ids                   []core.Hash // to wait for
}

// addLines adds every line of standard input. A signal ends the input; what was read by then is still
// sent, if the node takes it before the farewell is over.
func (a *app) addLines(ctx context.Context, c *client.Client, wait bool) error {
	var sum tally
	sending, cancel := lingering(ctx)
	defer cancel()
	err := c.AddAll(sending, untilDone(ctx, client.Lines(a.stdin)), func(r client.LineResult) error {
		return a.countLine(&sum, r, wait)
	})
	if batch, ok := errors.AsType[*client.BatchError](err); ok {
		sum.done, sum.doubt = batch.Done, batch.InDoubt
	}
	if err == nil {
		err = ctx.Err() // which ends the input early
	}
	if err == nil {
		err = a.awaitAll(ctx, c, sum.ids)
	}
	if !a.shared.json {
		fmt.Fprintf(a.stdout, "%s\n", sum.words(wait && err == nil))
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s", errInterrupted, sum.words(false))
	}
	if err == nil && sum.refused > 0 {
		err = fmt.Errorf("%s not added: %w", were(sum.refused, "line"), client.ErrRefused)
	}
	return err
}

// awaitAll waits until every message is in a block.
func (a *app) awaitAll(ctx context.Context, c *client.Client, ids []core.Hash) error {
	for _, id := range ids {
		if _, err := c.Await(ctx, id); err != nil {
			return fmt.Errorf("all is stored; waiting for the block of message %v: %w", id, err)
		}
	}
	return nil
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
	out := plural(s.added, "message") + " added"
	if confirmed {
		out += ", all in blocks"
	}
	if s.known > 0 {
		out += fmt.Sprintf(", %d known before", s.known)
	}
	if s.refused > 0 {
		out += fmt.Sprintf(", %d refused", s.refused)
	}
	if s.doubt == 1 {
		out += fmt.Sprintf(", and 1 more in doubt (line %d)", s.done+1)
	} else if s.doubt > 1 {
		out += fmt.Sprintf(", and up to %d more in doubt (lines %d to %d)", s.doubt, s.done+1, s.done+s.doubt)
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
