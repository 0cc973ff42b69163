package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"p2pchain/cmd/internal/demo"
	"p2pchain/cmd/internal/node"
)

// demoPort is where "demo" serves its page unless it is told otherwise, or somebody else is there.
const demoPort = 12390

// demoFlags are the flags of "demo".
type demoFlags struct {
	nodes int
	port  uint16
	keep  bool
}

// demoCommand is "demo": a few nodes on one page.
func (a *app) demoCommand() *cobra.Command {
	f := demoFlags{nodes: demo.DefaultConfig().Nodes, port: demoPort}
	cmd := &cobra.Command{
		Use:     "demo",
		Short:   "Run a small network on this machine, and a page on which to cut it in two",
		GroupID: groupNode,
		Args:    takes(0, 0),
		Long: `Runs a few real nodes in one process, on loopback and on a network of their own, until it is
stopped, and serves a page that shows all of them. Its switches cut the network into two halves and heal
it, stop nodes, give one of them most of the hash rate, damage the disk of one, and add messages. Each
node has its usual pages, too.

Mining is slowed down, so that it takes little of the processor. All data are in a folder of their own,
which is removed at the end, or by the next demo if this one is killed, unless --keep is set.`,
		Example: `  p2pchain demo
  p2pchain demo --nodes 8
  p2pchain demo --keep`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runDemo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVar(&f.nodes, "nodes", f.nodes, fmt.Sprintf("how many `NODES` there are, %d to %d", demo.MinNodes, demo.MaxNodes))
	flags.Uint16Var(&f.port, "port", f.port, "`PORT` for the page; unless set, a free one is used where this one is taken")
	flags.BoolVar(&f.keep, "keep", false, "keep the nodes' data and logs at the end")
	return cmd
}

// runDemo runs the demo until ctx ends.
func (a *app) runDemo(ctx context.Context, f demoFlags) (err error) {
	cfg := demo.DefaultConfig()
	cfg.Nodes, cfg.Version = f.nodes, programVersion()
	cfg.Log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	folder, err := demo.MakeFolder(os.TempDir(), f.keep)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	cfg.Dir = folder.Path
	if f.keep {
		a.remark("the nodes' data are in " + cfg.Dir)
	}
	d, err := a.openDemo(ctx, cfg, f.port)
	if err != nil {
		return err
	}
	if _, set := a.lookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(softMemory)
	}
	a.remark(fmt.Sprintf("the demo of %d nodes is at %s", f.nodes, d.URL()))
	if err = d.Run(ctx); err == nil {
		a.remark("stopped")
	}
	return err
}

// openDemo opens a demo on a port, or on any free one where nobody chose it.
func (a *app) openDemo(ctx context.Context, cfg demo.Config, port uint16) (*demo.Demo, error) {
	cfg.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
	d, err := demo.Open(ctx, cfg)
	if errors.Is(err, syscall.EADDRINUSE) && !a.isSet("port") {
		cfg.Listen = "127.0.0.1:0"
		d, err = demo.Open(ctx, cfg)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("--port %d: %w: %w", port, err, node.ErrAddressInUse)
	}
	if errors.Is(err, demo.ErrConfig) {
		return nil, usage(err)
	}
	return d, err
}
