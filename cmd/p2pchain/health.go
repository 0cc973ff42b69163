package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
)

// healthPatience is how long "health" waits where nobody says otherwise: whoever asks does so often.
const healthPatience = 5 * time.Second

// healthCommand is "health", for those who watch over nodes.
func (a *app) healthCommand() *cobra.Command {
	ready := false
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Say with the exit code whether a node is alive, or with --ready whether it takes messages",
		GroupID: groupClient,
		Long: `Asks a node whether it is alive, within 5 seconds unless --timeout says otherwise, and
ends with 0 if it is: for health checks of containers and supervisors. With --ready it
ends with 0 only if the node takes messages and has caught up with its peers.`,
		Example: `  p2pchain health
  p2pchain health --ready
  p2pchain health --name two --timeout 30s`,
		Args: takes(0, 0),
	}
	f := addClientFlags(cmd.Flags())
	cmd.Flags().BoolVar(&ready, "ready", false, "whether it takes messages and has caught up with its peers")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !a.isSet("timeout") {
			f.timeout = healthPatience
		}
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		return a.health(ctx, f, ready)
	}
	return cmd
}

// A wellness is the answer of "health".
type wellness struct {
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what is wrong
}

// health shows and returns what is wrong with the node.
func (a *app) health(ctx context.Context, f *clientFlags, ready bool) error {
	err := a.ask(ctx, f, ready)
	if err == nil {
		return a.print(wellness{OK: true}, func(t *text) { t.line("ok") })
	}
	if a.shared.json {
		return errors.Join(err, a.printJSON(wellness{Detail: err.Error()}))
	}
	return err
}

func (a *app) ask(ctx context.Context, f *clientFlags, ready bool) error {
	c, err := a.connect(ctx, f)
	if err != nil {
		return err
	}
	defer c.Close()
	if ready {
		return c.Ready(ctx)
	}
	err = c.Live(ctx)
	if errors.Is(err, client.ErrBusy) {
		return nil // it answers
	}
	return err
}
