package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/invite"
	"p2pchain/cmd/internal/node"
)

// introducerPeers is how many nodes an introducer may be connected to, where the user does not say.
const introducerPeers = 500

// bootstrapCommand is "bootstrap", which runs an introducer.
func (a *app) bootstrapCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "bootstrap [INVITE]",
		Short:   "Run a node that only introduces nodes to each other",
		GroupID: groupNode,
		Long: `Runs a small node without a chain: it keeps no messages, mines nothing and serves no
API. Nodes that know its address are told of each other, and then do without it.
Run it where everybody reaches it, at an address that stays; its key is in the folder
bootstrap of the data folder, and p2pchain invite --name bootstrap prints its invite
again. The network is that of the flags or of an invite, else that of the data folder.`,
		Example: `  p2pchain bootstrap --genesis lab7.json
  p2pchain bootstrap --announce /dns4/seed.example.org/tcp/22345
  p2pchain bootstrap --reach relay             # help nodes behind routers, too`,
		Args: takes(0, 1),
	}
	cmd.Flags().SortFlags = false
	f := newSettings()
	f.dht, f.noMDNS, f.maxPeers = true, true, introducerPeers
	f.addPeerFlags(cmd.Flags())
	f.addNetworkFlags(cmd.Flags())
	f.addLogFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var to *invite.Invite
		if len(args) > 0 {
			read, err := a.readInvite(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			to = &read
		}
		return a.runIntroducer(cmd.Context(), f, to)
	}
	return cmd
}

// runIntroducer builds an introducer, says how nodes use it and runs it until ctx ends.
func (a *app) runIntroducer(ctx context.Context, f *runFlags, to *invite.Invite) error {
	cfg, err := a.introducerConfig(f, to)
	if err != nil {
		return err
	}
	log, err := a.startLog(f)
	if err != nil {
		return err
	}
	defer log.Close()
	log.Capture()
	cfg.Log = log.Logger()
	manager := a.serviceManager(cfg.Log)
	defer manager.Close()
	i, err := node.OpenIntroducer(ctx, cfg)
	if err != nil {
		return err
	}
	if err := a.greetIntroducer(i); err != nil {
		return errors.Join(err, i.Close())
	}
	defer keepInformed(ctx, manager, i, cfg.Log)()
	err = i.Run(ctx)
	if err == nil {
		cfg.Log.Info("stopped")
	}
	return err
}

func (a *app) introducerConfig(f *runFlags, to *invite.Invite) (node.Config, error) {
	cfg := node.DefaultConfig()
	dir, err := a.dataDir()
	if err != nil {
		return cfg, err
	}
	want, err := a.networkChoice(f)
	if err != nil {
		return cfg, err
	}
	if to != nil && (f.network != "" || f.genesis != "" || f.difficulty != 0) {
		return cfg, usagef("the invite says which network: leave --network, --genesis and --difficulty away")
	}
	want.Like = dir
	if err := f.fillPeers(&cfg, node.IntroducerDir(dir), want, to); err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// An introduction is the first output of an introducer.
type introduction struct {
	ID        string   `json:"id"`
	Network   string   `json:"network"`
	NetworkID string   `json:"network_id"`
	DataDir   string   `json:"data_dir"`
	Listen    []string `json:"listen"`
	Invite    string   `json:"invite,omitempty"`
	Join      string   `json:"join,omitempty"`      // the command with which a new node joins
	Bootstrap string   `json:"bootstrap,omitempty"` // for --bootstrap of nodes of the network
}

// greetIntroducer says who an introducer is, and how nodes use it.
func (a *app) greetIntroducer(i *node.Introducer) error {
	g := introduction{ID: i.ID(), Network: i.Network().Params.Name, NetworkID: i.Network().ID(), DataDir: i.Dir(), Listen: i.Addrs()}
	made, noInvite := i.Invite()
	if noInvite == nil {
		g.Invite, g.Join, g.Bootstrap = made.Invite, a.command("join", made.Invite), made.Addresses[0]
	}
	if a.shared.json {
		return a.printJSON(g)
	}
	t := newText(a.stderr)
	t.row("introducer", g.ID)
	t.row("network", i.Network())
	t.row("data", g.DataDir)
	t.addresses("listening", g.Listen)
	for _, note := range i.Notes() {
		t.row("note", note)
	}
	t.line("")
	if g.Join != "" {
		t.line("%s joins the network through it with\n  %s", joiner(made), g.Join)
		t.line("a node that has its network already, with\n  %s", a.command("--bootstrap", g.Bootstrap))
	}
	t.line("")
	return t.w.Flush()
}
