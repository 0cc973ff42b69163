package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core"
)

// The forms of a proof.
const (
	proofJSON = "json"
	proofHTML = "html"
)

// proofOptions say how proofs are to be had.
type proofOptions struct {
	out           string
	format        *choice
	wait          bool
	confirmations uint64
	noBody        bool
	tip           string
}

// proofCommand is "proof".
func (a *app) proofCommand() *cobra.Command {
	o := &proofOptions{format: newChoice(proofJSON, proofJSON, proofHTML)}
	cmd := a.clientCommand(&cobra.Command{
		Use:     "proof ID...",
		Short:   "Fetch the proof of a message: one file that anybody can check without a node",
		GroupID: groupClient,
		Long: `Writes the proof of a message that is in a block: that it is in the log, between which
two blocks it was written, by which key, and how much work lies on it. p2pchain verify
checks it, without any node, and says what it proves and what not. A proof that is
fetched later shows more work.

With --format html it is a page to print or to keep, with the proof in it and a program
that checks it in any browser. It is written to standard output unless -o says where to;
for several messages that is a folder.

--tip ends the proof in an earlier block, the message's own or one above it. Whoever notes
the hash of one block a day can have the proof of any message below it end in that block,
years later, and the note vouches for all of it (p2pchain verify --header).`,
		Example: `  p2pchain proof 1d51b1a8… -o contract.p2pproof
  p2pchain proof 1d51b1a8… --format html -o contract.html
  p2pchain proof 1d51b1a8… --wait --confirmations 6 -o contract.p2pproof
  p2pchain proof 1d51b1a8… --tip 0000001f… | p2pchain verify - --header 0000001f…`,
		Args: takes(1, anyNumber),
	}, func(ctx context.Context, c *client.Client, args []string) error { return a.proofs(ctx, c, o, args) })
	flags := cmd.Flags()
	flags.StringVarP(&o.out, "out", "o", "", "`FILE` to write, or folder; - for standard output")
	flags.Var(o.format, "format", "json, which programs verify, or html, for people")
	flags.BoolVar(&o.wait, "wait", false, "wait until the message is in a block")
	flags.Uint64Var(&o.confirmations, "confirmations", 0, "with --wait: wait for so many `BLOCKS` on top of its block, too")
	flags.StringVar(&o.tip, "tip", "", "the block in which it ends, by `HASH|HEIGHT` (default the last one)")
	flags.BoolVar(&o.noBody, "no-body", false, "leave out what the message says: it stays secret, and everything else is proven")
	return cmd
}

// proofs fetches the proofs of the messages that the arguments name.
func (a *app) proofs(ctx context.Context, c *client.Client, o *proofOptions, args []string) error {
	if o.confirmations > 0 && !o.wait {
		return usagef("--confirmations says what --wait waits for: give that, too")
	}
	if o.tip != "" && o.wait {
		return usagef("--tip names a block that is there already, so --wait does not go with it")
	}
	o.tip = strings.ToLower(o.tip)
	ids := make([]core.Hash, len(args))
	for i, arg := range args {
		var err error
		if ids[i], err = core.ParseHash(arg); err != nil {
			return usagef("%q is not a message id of 64 hex digits", arg)
		}
	}
	return a.saveProofs(ctx, c, o, ids, a.showSaved)
}

// showSaved shows a proof that was written to a file.
func (a *app) showSaved(saved savedProof) error {
	return a.print(saved, func(t *text) {
		t.row("file", saved.File)
		t.row("message", saved.ID)
		t.row("block", fmt.Sprintf("%d, %v", saved.Height, saved.Block))
		t.row("on top", plural(saved.Confirmations, "block"))
		t.row("last block", fmt.Sprintf("%d, %v", saved.Last.Height, saved.Last.Hash))
		if !saved.Content {
			t.row("content", "not in it")
		}
		if saved.Format == proofJSON {
			t.line("\nCheck it with:  %s", a.command("verify", saved.File))
		}
	})
}
