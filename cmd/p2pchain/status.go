package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// statusCommand is "status".
func (a *app) statusCommand() *cobra.Command {
	return a.clientCommand(&cobra.Command{
		Use:     "status",
		Short:   "Show how a node is doing",
		GroupID: groupClient,
		Example: `  p2pchain status
  p2pchain status --name two
  p2pchain status --json | jq .tip.height`,
		Args: cobra.NoArgs,
	}, a.showStatus)
}

func (a *app) showStatus(ctx context.Context, c *client.Client, _ []string) error {
	n, err := c.Node(ctx)
	if err != nil {
		return err
	}
	return a.print(n, func(t *text) {
		t.row("node", n.PeerID)
		t.row("version", printable(n.Version))
		t.row("network", printable(n.Network.Name)+" ("+printable(n.Network.ID)+")")
		t.row("API", c.Address())
		t.addresses("addresses", n.Addresses)
		t.row("tip", fmt.Sprintf("block %d, %v", n.Tip.Height, n.Tip.Hash))
		t.row("", fmt.Sprintf("%v, %v hashes of work", n.Tip.Time, n.Tip.Work))
		t.row("sync", syncWords(n))
		t.row("peers", n.Peers)
		t.row("waiting", plural(n.Mempool.Count, "message")+", "+plural(n.Mempool.Bytes, "byte"))
		t.row("mining", miningWords(n.Mining))
		if n.ClockSkewMS != nil {
			t.row("clock", fmt.Sprintf("%v from that of the peers", time.Duration(*n.ClockSkewMS)*time.Millisecond))
		}
		t.row("up", fmt.Sprintf("%v, since %v", time.Duration(n.UptimeSeconds)*time.Second, n.Started))
	})
}

// syncWords says how far a node is behind its peers.
func syncWords(n client.Node) string {
	if n.Sync.Target > n.Tip.Height {
		return fmt.Sprintf("%s, on the way to block %d", n.Sync.State, n.Sync.Target)
	}
	return n.Sync.State
}

// miningWords says what the miner does.
func miningWords(m client.Mining) string {
	switch {
	case len(m.Paused) > 0:
		return fmt.Sprintf("paused: %s", printable(strings.Join(m.Paused, ", ")))
	case m.Working:
		return fmt.Sprintf("%s, at block %d, %.2f million hashes a second, %s sealed", m.Mode, m.Height, m.HashRate/1e6, plural(m.Sealed, "block"))
	case m.Mode == "off":
		return "off"
	}
	return fmt.Sprintf("%s, idle, %s sealed", m.Mode, plural(m.Sealed, "block"))
}
