package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

// inviteCommand is "invite", which prints what others join with.
func (a *app) inviteCommand() *cobra.Command {
	var qr bool
	addresses := &list{kind: "MULTIADDR", check: checkAnnounce}
	cmd := &cobra.Command{
		Use:     "invite",
		Short:   "Print an invite, with which others join this node's network",
		GroupID: groupNode,
		Long: `Prints one line that says which network this is, with all its parameters, and where
this node is. Whoever gets it runs p2pchain join with it. It is not secret, and it is
good for as long as one of the addresses in it is.

Of a node that does not run, the addresses are those of its last run.`,
		Example: `  p2pchain invite
  p2pchain invite --qr
  p2pchain invite --address /dns4/node.example.org/tcp/22345`,
		Args: takes(0, 0),
	}
	f := addClientFlags(cmd.Flags())
	cmd.Flags().BoolVar(&qr, "qr", false, "show it as a QR code, too")
	cmd.Flags().Var(addresses, "address", "where others reach this node, in place of what it knows itself; repeatable")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		i, err := a.findInvite(ctx, f, addresses.items)
		if err != nil {
			return err
		}
		return a.showInvite(i, qr)
	}
	return cmd
}

// findInvite asks the node, or looks into its data directory where it does not run.
func (a *app) findInvite(ctx context.Context, f *clientFlags, addresses []string) (client.Invite, error) {
	c, err := a.connect(ctx, f)
	named := f.api != "" || a.isSet("host") || a.isSet("port")
	absent := errors.Is(err, node.ErrNoAddress) || errors.Is(err, client.ErrUnreachable)
	if absent && !named {
		dir, err := a.dataDir()
		if err != nil {
			return client.Invite{}, err
		}
		i, err := node.KeptInvite(dir, addresses)
		if err == nil && len(addresses) == 0 {
			a.remark("no node answers here; these are the addresses that it had last")
		}
		return i, err
	}
	if err != nil {
		return client.Invite{}, err
	}
	defer c.Close()
	i, err := c.Invite(ctx)
	if err != nil || len(addresses) == 0 {
		return i, err
	}
	n, err := c.Node(ctx)
	if err != nil {
		return i, err
	}
	return node.InviteTo(i.Invite, n.PeerID, addresses)
}

// showInvite prints the line alone on standard output, so that it can be piped.
func (a *app) showInvite(i client.Invite, qr bool) error {
	if i.LocalOnly {
		a.remark("only nodes on this machine can use this invite; for others start the node with --announce, or say --address here, with where they reach it")
	}
	if a.shared.json {
		return a.printJSON(i)
	}
	if qr {
		code, err := qrCode(i.Invite)
		if err != nil {
			return err
		}
		if err := code.write(a.stdout, isTerminal(a.stdout) && !a.noColor()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.stdout, i.Invite)
	return err
}

// noColor reports whether the user wants no colours anywhere; see no-color.org.
func (a *app) noColor() bool {
	value, _ := a.lookupEnv("NO_COLOR")
	return value != ""
}
