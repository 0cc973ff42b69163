package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/node"
	"p2pchain/core/store"
)

// checkCommand is "check".
func (a *app) checkCommand() *cobra.Command {
	var deep, repair bool
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check the stored chain for damage, and repair it",
		GroupID: groupTools,
		Long: `Walks the chain that is stored in the data folder: whether its files are whole, and whether
headers, heights, history, side branches and waiting messages fit each other. With --deep
every byte is read: each block of each file is compared with its checksum, each message
with its id, each body with its commitment.

Damage ends it with exit code 9. With --repair the store is then built anew, from all
that can be read and proven, and from the chain file beside it; the damaged one is set
aside, nothing is deleted. What is missing after that comes from other nodes at the next
start. Messages that waited for a block still do. An interrupted repair has changed
nothing and can be repeated.

No node may run there. A node looks at its last blocks at every start, and ends with code
9 when it meets damage; "p2pchain --repair" repairs it without a question.`,
		Example: `  p2pchain check
  p2pchain check --deep --json
  p2pchain check --deep --repair`,
		Args: takes(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd.Context(), deep, repair) },
	}
	cmd.Flags().BoolVar(&deep, "deep", false, "read every byte, instead of what leads to the blocks")
	cmd.Flags().BoolVar(&repair, "repair", false, "repair what is damaged; it needs room for twice the store")
	return cmd
}

// check walks the store of the data directory.
func (a *app) check(ctx context.Context, deep, repair bool) error {
	cfg, err := a.stoppedConfig()
	if err != nil {
		return err
	}
	if !node.HasChain(cfg.Dir) && !node.HasRepair(cfg.Dir) {
		return fmt.Errorf("%w: %s", node.ErrNoChain, cfg.Dir)
	}
	if cfg.Network, err = node.FindNetwork(cfg.Dir, node.NetworkChoice{}); err != nil {
		return err
	}
	found, err := node.Check(ctx, cfg, deep, repair)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w: stop its node first, since nobody else may read the store; it looks at its last blocks at every start", err)
	}
	if err != nil && len(found.Problems) == 0 {
		return err
	}
	return errors.Join(err, a.printChecked(found))
}

// printChecked says what a check found, and what a repair did about it.
func (a *app) printChecked(found node.Checked) error {
	return a.print(found, func(t *text) {
		switch {
		case found.Repaired != nil:
			t.row("store", "was damaged, and is repaired")
		case len(found.Problems) > 0:
			t.row("store", "damaged")
		case found.Deep:
			t.row("store", "whole, every byte was read")
		default:
			t.row("store", "whole")
		}
		if len(found.Problems) == 0 {
			t.row("tip", fmt.Sprintf("block %d, %v", found.Height, found.Tip))
			t.row("waiting", plural(found.Waiting, "message"))
		}
		for i, problem := range found.Problems {
			name := ""
			if i == 0 {
				name = "problems"
			}
			t.row(name, printable(problem))
		}
		if found.More > 0 {
			t.row("", fmt.Sprintf("and %d more", found.More))
		}
		if r := found.Repaired; r != nil {
			t.row("salvaged", plural(r.Blocks, "block"))
			if r.FromFile > 0 {
				t.row("from file", plural(r.FromFile, "block"))
			}
			t.row("height", r.Height)
			t.row("waiting", plural(r.Waiting, "message"))
			t.row("set aside", r.Aside)
			t.row("what is missing", "comes from other nodes when this one runs")
		}
	})
}
