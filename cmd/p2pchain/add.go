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
		Short:   "Add a message, or with - each line of standard input, or notarise files",
		GroupID: groupClient,
		Long: `Adds a message through a running node. When it returns, the message is on that
node's disk and waits for a block; --wait waits for the block, too, and --proof FILE
then writes the proof of the message, as p2pchain proof does. A node that goes away
during that wait has half a minute to come back, or as long as --timeout says.

With - every line of standard input that is not empty becomes a message, as fast
as the node takes them. The node gets them in order; the chain keeps that order
from block to block only while one node mines. A line that is not UTF-8 travels
as bytes (application/octet-stream).

Where the lines come from a program, none is lost while the node is down: they are
kept in the folder "spool" of the data folder, and sent, in order and each once,
when it answers again, or by the next "add -" or "add --flush".

With --file, --directory or --git nothing is added but a name, a size and a SHA-256:
proof that the content existed, while the content stays where it is. The list of a
directory's files, as sha256sum writes it, is kept beside the directory as
NAME.sha256. "search --file" tells later when a file was notarised.`,
		Example: `  p2pchain add "hello, chain"
  p2pchain add "hello, chain" --proof hello.p2pproof
  p2pchain add - --wait < /var/log/dpkg.log
  tail -F app.log | p2pchain add -
  p2pchain add --flush                 # send what an earlier run had to keep
  p2pchain add --file report.pdf --proof report.p2pproof
  tar c photos | p2pchain add --file - --file-name photos.tar
  p2pchain add --directory photos      # and keep photos.sha256
  p2pchain add --git HEAD`,
		Args: takes(0, anyNumber),
	}
	o.declare(cmd.Flags())
	f := addClientFlags(cmd.Flags())
	o.node = f
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.sources.check(cmd.Flags()); err != nil {
			return err
		}
		return a.add(cmd.Context(), f, o, args)
	}
	return cmd
}

// add adds what the arguments say.
func (a *app) add(ctx context.Context, f *clientFlags, o *addOptions, args []string) error {
	fromInput := len(args) == 1 && args[0] == "-"
	switch {
	case o.flush && (len(args) > 0 && !fromInput || o.sources.count() > 0):
		return usagef("--flush sends what waits and takes no text")
	case o.sources.count() > 0 && len(args) > 0:
		return usagef("--file, --directory and --git take no text besides")
	case len(args) == 0 && !o.flush && o.sources.count() == 0:
		return usagef("an argument is missing: want p2pchain add TEXT... | - | --file FILE")
	case o.proof.confirmations > 0 && !o.waits():
		return usagef("--confirmations says what --wait or --proof wait for: give one of them, too")
	case o.spoolMost < 1:
		return usagef("--spool-max is %d, want at least 1", o.spoolMost)
	}
	if err := o.prepareProofs(fromInput || o.flush || o.sources.count() > 1); err != nil {
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
	if o.sources.count() > 0 {
		return a.addSources(ctx, c, o)
	}
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
	Notarised *notarised `json:"notarised,omitempty"`
	Proof     string     `json:"proof,omitempty"` // the file with it
}

// addText adds one message and shows where it stands.
func (a *app) addText(ctx context.Context, c *client.Client, words string, o *addOptions) error {
	receipt, err := a.addPayload(ctx, c, []byte(words), "")
	if err != nil {
		return err
	}
	return a.finishAdd(ctx, c, &addedMessage{Receipt: receipt}, o, func(*text) {})
}

// addPayload adds one message.
func (a *app) addPayload(ctx context.Context, c *client.Client, payload []byte, mediaType string) (client.Receipt, error) {
	sending, cancel := lingering(ctx)
	defer cancel()
	receipt, err := c.Add(sending, payload, mediaType)
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("%w: the message is in doubt: the node may have it or not", errInterrupted)
	}
	return receipt, err
}

// finishAdd waits for the block of a message and writes its proof, if the options say so, and shows it,
// after what it is about. What is stored is shown even if its block does not come in time.
func (a *app) finishAdd(ctx context.Context, c *client.Client, added *addedMessage, o *addOptions, about func(*text)) error {
	var err error
	if o.waits() {
		err = a.awaitAdded(ctx, c, &added.Receipt, o)
	}
	if err == nil {
		added.Proof = o.proofFile(added.ID)
	}
	return errors.Join(err, a.print(added, func(t *text) {
		about(t)
		t.row("id", added.ID)
		t.standing(added.Standing)
		if added.Proof != "" {
			t.row("proof", added.Proof)
		}
	}))
}

// awaitAdded waits for the block of a message that was added, and writes its proof.
func (a *app) awaitAdded(ctx context.Context, c *client.Client, receipt *client.Receipt, o *addOptions) error {
	return a.lastingAt(o.node).run(ctx, c, func(c *client.Client) error {
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
	})
}
