package main

import (
	"context"
	"errors"
	"fmt"

	"p2pchain/api/client"
	"p2pchain/core"
)

// A tally counts what became of the lines.
type tally struct {
	added, known, refused int
	done, doubt           int         // so many lines after line done may be stored or not
	ids                   []core.Hash // to wait for
}

// addFile adds every line of standard input, which is a file: what is not sent can be read again, so
// nothing is kept. A signal ends the input; what was read by then is still sent, if the node takes it
// before the farewell is over.
func (a *app) addFile(ctx context.Context, c *client.Client, o *addOptions) error {
	var sum tally
	sending, cancel := lingering(ctx)
	defer cancel()
	err := c.AddAll(sending, untilDone(ctx, client.Lines(a.stdin)), func(r client.LineResult) error {
		return a.countLine(&sum, r, o.waits())
	})
	if batch, ok := errors.AsType[*client.BatchError](err); ok {
		sum.done, sum.doubt = batch.Done, batch.InDoubt
	}
	if err == nil {
		err = ctx.Err() // which ends the input early
	}
	if err == nil {
		err = a.awaitAll(ctx, c, o, sum.ids)
	}
	return a.sumUp(&sum, o.waits(), err)
}

// sumUp says what became of the lines.
func (a *app) sumUp(sum *tally, wait bool, err error) error {
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

// awaitAll waits until every message is in a block, and writes the proofs, if these are wanted.
func (a *app) awaitAll(ctx context.Context, c *client.Client, o *addOptions, ids []core.Hash) error {
	return a.lastingAt(o.node).run(ctx, c, func(c *client.Client) error {
		if left, err := c.AwaitAll(ctx, ids, o.proof.confirmations); err != nil {
			return fmt.Errorf("all is stored, and %s for a block: %w", plural(left, "message")+verb(left, " waits", " wait"), err)
		}
		if o.proof.out == "" || len(ids) == 0 {
			return nil
		}
		return a.saveProofs(ctx, c, &o.proof, ids, func(savedProof) error { return nil })
	})
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
