package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/invite"
	"p2pchain/cmd/internal/node"
)

// maxInviteInput is more than any invite has.
const maxInviteInput = 128 << 10

// joinCommand is "join", which makes a node of a network out of an invite.
func (a *app) joinCommand() *cobra.Command {
	var noRun bool
	cmd := &cobra.Command{
		Use:     "join INVITE",
		Short:   "Join a network by an invite, and start a node of it",
		GroupID: groupNode,
		Long: `Takes what p2pchain invite printed on another machine: it says which network to
join, and where. The data folder remembers both, so p2pchain alone is enough from
then on. A folder of the same network learns the addresses; one of another network
is left as it is. The invite may be in a file; with - it is read from standard input.

A node that runs in the data folder already is connected, and goes on running.`,
		Example: `  p2pchain join p2pchain1…
  p2pchain join invite.txt --name lab --mine off
  p2pchain invite | ssh host p2pchain join - --no-run`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				return nil
			}
			return usagef("want one invite, as p2pchain invite prints it on the other machine")
		},
	}
	cmd.Flags().SortFlags = false
	f := newSettings()
	cmd.Flags().BoolVar(&noRun, "no-run", false, "only set the data folder up, and start no node")
	f.addPeerFlags(cmd.Flags())
	f.addAPIFlags(cmd.Flags())
	f.addWorkFlags(cmd.Flags())
	f.addLogFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		to, err := a.readInvite(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return a.join(cmd.Context(), f, to, noRun)
	}
	return cmd
}

// readInvite reads an invite from the command line, from the file of that name, or for - from standard input.
func (a *app) readInvite(ctx context.Context, text string) (invite.Invite, error) {
	if text == "-" {
		b, err := io.ReadAll(io.LimitReader(a.input(ctx), maxInviteInput))
		if err != nil {
			return invite.Invite{}, usagef("reading the invite: %w", err)
		}
		text = string(b)
	} else if b, err := os.ReadFile(text); err == nil && len(b) <= maxInviteInput { // no file is called like an invite
		i, err := invite.Parse(strings.TrimSpace(string(b)))
		if err != nil {
			err = fmt.Errorf("the file %s: %w", text, err)
		}
		return i, err
	}
	if text = strings.TrimSpace(text); checkBootstrap(text) == nil {
		return invite.Invite{}, usagef("%q is an address and no invite: join it with  %s", text, a.command(append(a.whichNode(), "--bootstrap", text)...))
	}
	return invite.Parse(text)
}

// join sets the data directory up and runs its node. A node that runs there is only connected.
func (a *app) join(ctx context.Context, f *runFlags, to invite.Invite, noRun bool) error {
	if noRun && f.forceNewChain {
		return usagef("--force-new-chain does its work when a node starts: leave --no-run away")
	}
	cfg, err := a.nodeConfig(f, &to)
	if err != nil {
		return err
	}
	own, err := node.PeerID(cfg.Dir)
	if err != nil {
		return err
	}
	to.Addrs = slices.DeleteFunc(to.Addrs, func(addr string) bool { return own != "" && strings.HasSuffix(addr, "/p2p/"+own) })
	if len(to.Addrs) == 0 {
		return usagef("this is the invite of the node in %s itself; it is for others", cfg.Dir)
	}
	if !slices.ContainsFunc(to.Addrs, func(addr string) bool { return !node.IsLocal(addr) }) {
		a.remark("the invite leads to this machine only; it is right where it was made")
	}
	c, err := a.findRunning(ctx, cfg.Dir)
	if err != nil {
		return err
	}
	if c != nil {
		defer c.Close()
		return a.joinRunning(ctx, c, cfg.Dir, to)
	}
	if noRun {
		return a.setUp(cfg, to)
	}
	return a.runNode(ctx, f, &to)
}

// A joined is what join answers where it starts no node.
type joined struct {
	Network   string   `json:"network"`
	NetworkID string   `json:"network_id"`
	DataDir   string   `json:"data_dir"`
	Addresses []string `json:"addresses"`
	New       int      `json:"new_addresses"`
	Connected string   `json:"connected,omitempty"` // to which address, if a node runs
}

// setUp makes the data directory ready for a start without flags.
func (a *app) setUp(cfg node.Config, to invite.Invite) error {
	added, err := node.SetUp(cfg.Dir, cfg.Network, to.Addrs)
	if err != nil {
		return err
	}
	j := joined{cfg.Network.Params.Name, cfg.Network.ID(), cfg.Dir, to.Addrs, added, ""}
	return a.print(j, func(t *text) {
		t.row("network", cfg.Network)
		t.row("data", j.DataDir)
		t.row("learned", plural(added, "address"))
		t.line("")
		t.line("Start a node of it with:  %s", a.command(a.whichNode()...))
	})
}

// findRunning returns a client of the node that runs in a data directory, nil where none does. The
// address of one that was killed may lead to another by now, or to nobody.
func (a *app) findRunning(ctx context.Context, dir string) (*client.Client, error) {
	found, err := node.ReadAddress(dir)
	if errors.Is(err, node.ErrNoAddress) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	options, err := found.Options()
	if err != nil {
		return nil, err
	}
	to := target{url: found.URL, id: found.ID, dir: dir, pid: found.PID, options: options}
	if err := to.verify(ctx); err != nil {
		return nil, ctx.Err()
	}
	token, err := node.ReadToken(dir)
	if err != nil {
		return nil, err
	}
	return client.New(found.URL, append(options, client.WithToken(token))...)
}

// joinRunning connects a running node, and lets its directory remember the addresses.
func (a *app) joinRunning(ctx context.Context, c *client.Client, dir string, to invite.Invite) error {
	added, err := node.KeepSeeds(dir, to.Addrs)
	if err != nil {
		return err
	}
	var failed error
	for _, addr := range to.Addrs {
		if _, err := c.Connect(ctx, addr); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", addr, err))
			continue
		}
		j := joined{to.Network.Params.Name, to.Network.ID(), dir, to.Addrs, added, addr}
		return a.print(j, func(t *text) {
			t.row("network", to.Network)
			t.row("connected", printable(addr))
			t.row("learned", plural(added, "address"))
		})
	}
	return fmt.Errorf("the node that runs in %s reaches none of the addresses, and will try again at every start: %w", dir, failed)
}
