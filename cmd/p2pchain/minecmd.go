package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/core/miner"
)

// mineCommand is "mine".
func (a *app) mineCommand() *cobra.Command {
	threads := 0
	cmd := a.clientCommand(&cobra.Command{
		Use:     "mine [auto|always|off]",
		Short:   "Show or change when a running node mines",
		GroupID: groupClient,
		Long: `Says how a running node mines, and changes when it does: auto is while messages
wait, always also seals empty blocks, and off leaves mining to others.

A change holds until the node stops. At its next start the flags --mine and
--mine-threads, their variables and the configuration file count again.`,
		Example: `  p2pchain mine
  p2pchain mine off
  p2pchain mine auto --threads 2`,
		Args: func(cmd *cobra.Command, args []string) error {
			if err := takes(0, 1)(cmd, args); err != nil || len(args) == 0 {
				return err
			}
			_, err := miner.ParseMode(args[0])
			return usage(err)
		},
	}, func(ctx context.Context, c *client.Client, args []string) error {
		return a.mine(ctx, c, args, threads)
	})
	cmd.Flags().IntVar(&threads, "threads", 0, "`NUMBER` of search threads (default: as many as before)")
	return cmd
}

// mine shows how mining goes, after a change if one was asked for.
func (a *app) mine(ctx context.Context, c *client.Client, args []string, threads int) error {
	mode := strings.Join(args, "")
	if threads < 0 || threads > miner.MaxThreads || a.isSet("threads") && threads == 0 {
		return usagef("--threads is %d, want 1 to %d", threads, miner.MaxThreads)
	}
	var now client.Mining
	var err error
	if mode == "" && threads == 0 {
		now, err = c.Mining(ctx)
	} else {
		now, err = c.SetMining(ctx, mode, threads)
	}
	if err != nil {
		return err
	}
	return a.print(now, func(t *text) {
		t.row("mode", now.Mode)
		t.row("threads", now.Threads)
		if len(now.Paused) > 0 {
			t.row("paused", printable(strings.Join(now.Paused, ", ")))
		}
		if now.Working {
			t.row("working", fmt.Sprintf("on block %d at %.0f tries a second", now.Height, now.HashRate))
		} else {
			t.row("working", "no")
		}
		t.row("sealed", plural(now.Sealed, "block"))
	})
}
