package main

import (
	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/node"
)

// keyCommand is "key", which shows who a node is.
func (a *app) keyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "key",
		Short:   "Show the public key and the peer id of a node, before its first start too",
		GroupID: groupNode,
		Long: `Shows the public key that signs what is added through a node, and the peer id by
which other nodes know it; both are the same key. It is made at the first call
and stays in the data folder, where only you can read it.`,
		Example: `  p2pchain key
  p2pchain key --name two --json`,
		Args: takes(0, 0),
		RunE: func(*cobra.Command, []string) error { return a.showKey() },
	}
}

func (a *app) showKey() error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	id, err := node.Identity(dir)
	if err != nil {
		return err
	}
	return a.print(id, func(t *text) {
		t.row("public key", id.PublicKey)
		t.row("peer id", id.PeerID)
		t.row("file", id.File)
	})
}
