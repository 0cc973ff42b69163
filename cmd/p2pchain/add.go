package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// addCommand is "add".
func (a *app) addCommand() *cobra.Command {
	o := new(addOptions)
	cmd := &cobra.Command{
		Use:     "add TEXT... | -",
		Short:   "Add a message, or with - each line of standard input as one",
		GroupID: groupClient,
		Long: `Adds a message through a running node. When it returns, the message is on that
node's disk and waits for a block; --wait waits for the block, too, and --proof FILE
then writes the proof of the message, as p2pchain proof does.

With - every line of standard input that is not empty becomes a message, as fast
as the node takes them. The node gets them in order; the chain keeps that order
from block to block only while one node mines. A line that is not UTF-8 travels
as bytes (application/octet-stream).

Where the lines come from a program, none is lost while the node is down: they are
kept in the folder "spool" of the data folder, and sent, in order and each once,
when it answers again, or by the next "add -" or "add --flush".`,
		Example: `  p2pchain add "hello, chain"
  p2pchain add "hello, chain" --proof hello.p2pproof
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
	case o.proof.confirmations > 0 && !o.waits():
		return usagef("--confirmations says what --wait or --proof wait for: give one of them, too")
	case o.spoolMost < 1:
		return usagef("--spool-max is %d, want at least 1", o.spoolMost)
	}
	if err := o.prepareProofs(fromInput || o.flush); err != nil {
		return err
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
		return a.addFile(ctx, c, o)
	}
	return a.addText(ctx, c, strings.Join(args, " "), o)
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

// An addedMessage is what add answers of one message.
type addedMessage struct {
	client.Receipt
	Proof string `json:"proof,omitempty"` // the file with it
}

// addText adds one message and shows where it stands.
func (a *app) addText(ctx context.Context, c *client.Client, words string, o *addOptions) error {
	receipt, err := a.addPayload(ctx, c, []byte(words), "", o)
	if receipt == nil {
		return err
	}
	added := addedMessage{Receipt: *receipt}
	if err == nil {
		added.Proof = o.proofFile(receipt.ID)
	}
	return errors.Join(err, a.print(added, func(t *text) {
		t.row("id", added.ID)
		t.standing(added.Standing)
		if added.Proof != "" {
			t.row("proof", added.Proof)
		}
	}))
}

// addPayload adds one message, and waits for its block and writes its proof if the options say so. What
// is stored is returned even if its block does not come in time.
func (a *app) addPayload(ctx context.Context, c *client.Client, payload []byte, mediaType string, o *addOptions) (*client.Receipt, error) {
	sending, cancel := lingering(ctx)
	defer cancel()
	receipt, err := c.Add(sending, payload, mediaType)
	if errors.Is(err, context.Canceled) {
		return nil, fmt.Errorf("%w: the message is in doubt: the node may have it or not", errInterrupted)
	}
	if err != nil {
		return nil, err
	}
	if o.waits() {
		err = a.awaitAdded(ctx, c, &receipt, o)
	}
	return &receipt, err
}

// awaitAdded waits for the block of a message that was added, and writes its proof.
func (a *app) awaitAdded(ctx context.Context, c *client.Client, receipt *client.Receipt, o *addOptions) error {
	m, err := c.AwaitConfirmations(ctx, receipt.ID, o.proof.confirmations)
	if m.Status != "" {
		receipt.Standing = m.Standing
	}
	switch {
	case err != nil && o.proof.out != "":
		return a.proofLater(&o.proof, receipt.ID, err)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: message %v is stored and waits for its block", errInterrupted, receipt.ID)
	case err != nil:
		return fmt.Errorf("message %v is stored; waiting for its block: %w", receipt.ID, err)
	case o.proof.out == "":
		return nil
	}
	return a.saveProofs(ctx, c, &o.proof, []core.Hash{receipt.ID}, func(savedProof) error { return nil })
}
