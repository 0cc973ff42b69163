package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// addCommand is "add".
func (a *app) addCommand() *cobra.Command {
	o := new(addOptions)
	cmd := &cobra.Command{
		Use:     "add TEXT... | -",
		Short:   "Add a message, or with - each line of standard input as one",
		GroupID: groupClient,
		Long: `Adds a message through a running node. When it returns, the message is on that
node's disk and waits for a block; --wait waits for the block, too.

With - every line of standard input that is not empty becomes a message, as fast
as the node takes them. The node gets them in order; the chain keeps that order
from block to block only while one node mines. A line that is not UTF-8 travels
as bytes (application/octet-stream).

Where the lines come from a program, none is lost while the node is down: they are
kept in the folder "spool" of the data folder, and sent, in order and each once,
when it answers again, or by the next "add -" or "add --flush".`,
		Example: `  p2pchain add "hello, chain"
  p2pchain add - --wait < /var/log/dpkg.log
  tail -F app.log | p2pchain add -
  p2pchain add --flush                 send what an earlier run had to keep`,
		Args: takes(0, anyNumber),
	}
	o.declare(cmd.Flags())
	f := addClientFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.add(cmd.Context(), f, o, args) }
	return cmd
}

// add adds what the arguments say.
func (a *app) add(ctx context.Context, f *clientFlags, o *addOptions, args []string) error {
	fromInput := len(args) == 1 && args[0] == "-"
	switch {
	case o.flush && len(args) > 0 && !fromInput:
		return usagef("--flush sends what waits and takes no text")
	case len(args) == 0 && !o.flush:
		return usagef("an argument is missing: want p2pchain add TEXT... | -")
	case o.spoolMost < 1:
		return usagef("--spool-max is %d, want at least 1", o.spoolMost)
	}
	ctx, cancel := f.limit(ctx)
	defer cancel()
	if (fromInput || o.flush) && a.spools(o) {
		return a.addSpooled(ctx, f, o)
	}
	c, err := a.connect(ctx, f)
	if err != nil {
		return err
	}
	defer c.Close()
	if fromInput {
		return a.addFile(ctx, c, o.wait)
	}
	return a.addText(ctx, c, strings.Join(args, " "), o.wait)
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
