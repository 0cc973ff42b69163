package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

// seedAPI is where seed 1's commands look for a node: host and port, each of which can be replaced.
const seedAPI = "127.0.0.1:12345"

// clientFlags are the flags of commands that talk to a node.
type clientFlags struct {
	api       string
	host      string
	port      uint16
	tokenFile string
	cert      string
	timeout   time.Duration
}

// addClientFlags declares which node a command talks to.
func addClientFlags(flags *pflag.FlagSet) *clientFlags {
	f := new(clientFlags)
	flags.StringVar(&f.api, "api", "", "`URL` of the node's API (default: that of the node that runs in the data folder)")
	flags.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token that the node wants, if it is not in the data folder")
	flags.StringVar(&f.cert, "api-cert", "", "`SHA256` of the certificate that the node of --api must have, as it said at its start")
	flags.DurationVar(&f.timeout, "timeout", 0, "time limit, like 30s (default: none)")
	flags.StringVar(&f.host, "host", "", "the host of --api")
	flags.Uint16Var(&f.port, "port", 0, "the port of --api")
	for _, name := range []string{"host", "port"} { // seed 1's
		if err := flags.MarkHidden(name); err != nil {
			panic(err) // declared above
		}
	}
	return f
}

// clientCommand makes a command that talks to a node. Its run function gets a context that ends with
// the time limit.
func (a *app) clientCommand(cmd *cobra.Command, run func(context.Context, *client.Client, []string) error) *cobra.Command {
	return a.redialCommand(cmd, func(ctx context.Context, c *client.Client, _ redial, args []string) error { return run(ctx, c, args) })
}

// A redial returns a client of the node where that is now.
type redial func() (*client.Client, error)

// redialCommand is clientCommand for what may outlast a restart of the node.
func (a *app) redialCommand(cmd *cobra.Command, run func(context.Context, *client.Client, redial, []string) error) *cobra.Command {
	f := addClientFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, cancel := f.limit(cmd.Context())
		defer cancel()
		c, err := a.connect(ctx, f)
		if err != nil {
			return err
		}
		defer c.Close()
		return run(ctx, c, func() (*client.Client, error) { return a.connect(ctx, f) }, args)
	}
	return cmd
}

// limit returns a context that ends with the time limit, if there is one.
func (f *clientFlags) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.timeout != 0 { // one below that is over at once, rather than none
		return context.WithTimeout(ctx, f.timeout)
	}
	return context.WithCancel(ctx)
}

// A target is a node that a command is for.
type target struct {
	url, token string
	id         string // the peer id that must answer, empty where any may
	dir        string // where id was found
	pid        int    // of the process that left it there

	options []client.Option // how it is recognised
}

// connect returns a client of the node that the flags name.
func (a *app) connect(ctx context.Context, f *clientFlags) (*client.Client, error) {
	to, err := a.findNode(f)
	if err != nil {
		return nil, err
	}
	return a.connectTo(ctx, f, to)
}

// isStopped reports whether an error of connect means that the node of the data directory does not run, also
// where a kill has left its address behind. Of a node that the flags name nobody can tell.
func (a *app) isStopped(f *clientFlags, err error) bool {
	named := f.api != "" || a.isSet("host") || a.isSet("port")
	return !named && isAway(err)
}

// connectTo returns a client of a node.
func (a *app) connectTo(ctx context.Context, f *clientFlags, to target) (*client.Client, error) {
	if f.tokenFile != "" {
		text, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return nil, usagef("--token-file: %w", err)
		}
		to.token = strings.TrimSpace(string(text))
	}
	if f.cert != "" {
		sum, err := client.ParseFingerprint(f.cert)
		if err != nil {
			return nil, usagef("--api-cert: %w", err)
		}
		to.options = []client.Option{client.WithFingerprint(sum)}
	}
	c, err := client.New(to.url, append(to.options, client.WithToken(to.token))...)
	if err != nil {
		return nil, usagef("--api: %w", err)
	}
	if to.id == "" {
		return c, nil
	}
	if err := to.verify(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// verify makes sure that the node which left its address is the one that answers there: after a kill
// the address stays, and another node, even of another network, may have the port by now. Until then
// the token is shown to nobody.
func (to *target) verify(ctx context.Context) error {
	c, err := client.New(to.url, to.options...)
	if err != nil {
		return usagef("--api: %w", err)
	}
	defer c.Close()
	answers, err := c.Node(ctx)
	if errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrBusy) || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, client.ErrUnauthorized) && to.pid != 0 && node.Holder(to.dir) == to.pid {
		return nil // it says nothing to strangers, but still runs, and so has its port
	}
	if err != nil || answers.PeerID != to.id {
		return fmt.Errorf("%w: %s (something else answers at %s, where its node was)", node.ErrNoAddress, to.dir, to.url)
	}
	return nil
}

// findNode returns where the node is. The token of our own data directory is for the node there and
// shown to no other.
func (a *app) findNode(f *clientFlags) (target, error) {
	switch {
	case a.isSet("host") || a.isSet("port"):
		if a.isSet("api") {
			return target{}, usagef("--api says it all: leave --host and --port away")
		}
		return target{url: "http://" + a.hostPort(seedAPI, f.host, f.port)}, nil
	case f.api != "":
		return target{url: f.api}, nil
	}
	return a.ownNode()
}

// runningNames says which other nodes run in the data folder, nothing where none does.
func (a *app) runningNames() string {
	dir, err := a.dataDirOf("")
	if err != nil {
		return ""
	}
	own := a.shared.name
	var flags []string
	if own != "" && node.Holder(dir) != 0 {
		flags = append(flags, "without --name")
	}
	for _, name := range node.Names(dir) {
		if name != own && node.Holder(filepath.Join(dir, name)) != 0 {
			flags = append(flags, "--name "+printable(name))
		}
	}
	if len(flags) == 0 {
		return ""
	}
	return "; on this machine run " + strings.Join(flags, ", ")
}

// ownNode returns the node that runs in the data directory.
func (a *app) ownNode() (target, error) {
	dir, err := a.dataDir()
	if err != nil {
		return target{}, err
	}
	found, err := node.ReadAddress(dir)
	if errors.Is(err, node.ErrNoAddress) {
		return target{}, fmt.Errorf("%w: %s%s", node.ErrNoAddress, dir, a.runningNames())
	}
	if err != nil {
		return target{}, err
	}
	options, err := found.Options()
	if err != nil {
		return target{}, err
	}
	token, err := node.ReadToken(dir)
	return target{found.URL, token, found.ID, dir, found.PID, options}, err
}
