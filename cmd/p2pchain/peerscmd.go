package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// peersCommand is "peers", with one verb for each subcommand.
func (a *app) peersCommand() *cobra.Command {
	peers := &cobra.Command{
		Use:     "peers",
		Short:   "Connect a running node to a peer, or disconnect it",
		GroupID: groupClient,
		Example: `  p2pchain peers connect /ip4/192.0.2.1/tcp/22345/p2p/12D3KooW…
  p2pchain peers disconnect 12D3KooW…
  p2pchain get peers`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("what about the peers? connect or disconnect; \"get peers\" lists them")
			}
			return usagef("there is no %q for peers: want connect or disconnect", args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args always refuses
	}
	peers.AddCommand(
		a.clientCommand(&cobra.Command{
			Use: "connect MULTIADDR", Short: "Connect to the node at an address that ends in /p2p/ID", Args: takes(1, 1),
			Long: `Has a running node connect to another one, and returns when they have said hello to
each other. The connection is for now: to join a node at every start, use join or --bootstrap.`,
			Example: "  p2pchain peers connect /ip4/192.0.2.1/tcp/22345/p2p/12D3KooW…",
		}, a.connectPeer),
		a.clientCommand(&cobra.Command{
			Use: "disconnect ID", Short: "End the connections to a peer", Args: takes(1, 1),
			Long: `Has a running node end its connections to a peer. That is no ban: whoever finds the
other one again, on the local network for example, may connect again.`,
			Example: "  p2pchain peers disconnect 12D3KooW…",
		}, a.disconnectPeer),
	)
	return peers
}

// connectPeer connects to a peer.
func (a *app) connectPeer(ctx context.Context, c *client.Client, args []string) error {
	done, err := c.Connect(ctx, args[0])
	if err != nil {
		return err
	}
	return a.print(done, func(t *text) {
		t.row("connected", done.ID)
		if p := done.Peer; p != nil {
			t.row("agent", printable(p.Agent))
			t.row("height", p.Height)
			t.row("latency", fmt.Sprintf("%.1f ms", p.LatencyMS))
		}
	})
}

// disconnectPeer lets a peer go.
func (a *app) disconnectPeer(ctx context.Context, c *client.Client, args []string) error {
	if err := c.Disconnect(ctx, args[0]); err != nil {
		return err
	}
	v := struct {
		Disconnected string `json:"disconnected"`
	}{args[0]}
	return a.print(v, func(t *text) { t.row("disconnected", printable(args[0])) })
}
