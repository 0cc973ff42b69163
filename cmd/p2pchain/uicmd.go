package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"p2pchain/api/client"
	"p2pchain/api/web"
	"p2pchain/cmd/internal/node"
)

// uiPort is where "ui" serves its pages unless it is told otherwise.
const uiPort = 12380

// uiFlags are the flags of "ui".
type uiFlags struct {
	clientFlags
	listen string
	pages  uint16
}

// uiCommand is "ui": the pages of a node that is elsewhere.
func (a *app) uiCommand() *cobra.Command {
	f := new(uiFlags)
	cmd := &cobra.Command{
		Use:     "ui",
		Short:   "Serve the pages of any node on this machine",
		GroupID: groupClient,
		Args:    takes(0, 0),
		Long: `Serves the pages of a node until it is stopped. A node serves the same pages itself, at the
address of its API; this is for one whose API is a socket, wants a token or is behind a tunnel. Whoever
reaches these pages on a loopback address may do what this command's token allows; on any other address
visitors need a token of their own.`,
		Example: `  p2pchain ui
  p2pchain ui --node https://lab.example:12345 --token-file token
  p2pchain ui --node unix:///run/p2pchain/api.sock --port 8080`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serveUI(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.api, "node", "", "`URL` of the node's API (default: that of the node that runs in the data folder)")
	flags.Uint16Var(&f.pages, "port", uiPort, "`PORT` for the pages, 0 for any free one")
	flags.StringVar(&f.listen, "host", "127.0.0.1", "`ADDRESS` for the pages")
	flags.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token that the node wants, if it is not in the data folder")
	flags.StringVar(&f.cert, "api-cert", "", "`SHA256` of the certificate that the node of --node must have, as it said at its start")
	return cmd
}

// serveUI serves the pages until ctx ends.
func (a *app) serveUI(ctx context.Context, f *uiFlags) error {
	to := target{url: f.api}
	if f.api == "" {
		var err error
		if to, err = a.ownNode(); err != nil {
			return err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(f.listen, strconv.Itoa(int(f.pages))))
	if _, refused := errors.AsType[*os.SyscallError](err); refused {
		return fmt.Errorf("--port %d: %w: %w", f.pages, err, node.ErrAddressInUse)
	}
	if err != nil {
		return usagef("--host: %w", err)
	}
	defer l.Close()
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok || !at.IP.IsLoopback() {
		to.token = "" // strangers get here
		if f.tokenFile != "" {
			return usagef("--token-file: everybody who reaches %s would have this token's rights; leave it away, or --host", l.Addr())
		}
	}
	c, err := a.connectTo(ctx, &f.clientFlags, to)
	if err != nil {
		return err
	}
	defer c.Close()
	n, err := c.Node(ctx)
	if err != nil {
		return err
	}
	if !ok || !at.IP.IsLoopback() {
		if err := wantsToken(ctx, c); err != nil {
			return err
		}
	}
	pages, err := a.pagesOf(c)
	if err != nil {
		return err
	}
	a.remark(fmt.Sprintf("the pages of node %s (network %s) are at http://%s", n.PeerID, printable(n.Network.Name), l.Addr()))
	return serveUntil(ctx, l, pages)
}

// wantsToken returns nil if a node lets nobody change anything without a token: what it is asked for is bad, if it
// looks at it at all. To a node that trusts this machine, everybody who comes through here sits at it.
func wantsToken(ctx context.Context, c *client.Client) error {
	_, err := c.Connect(ctx, "")
	var refused *client.Error
	switch {
	case !errors.As(err, &refused):
		return err
	case refused.Status == http.StatusUnauthorized:
		return nil
	}
	return usagef("--host: the node wants no token from this machine, so everybody who reaches these pages could do all; start it with --auth always")
}

// pagesOf returns the pages of a node.
func (a *app) pagesOf(c *client.Client) (http.Handler, error) {
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	site, err := web.New(web.Config{Source: c, Log: log, Now: time.Now})
	if err != nil {
		return nil, err
	}
	return web.Window(site, c, nil, log), nil
}

// serveUntil serves a listener until ctx ends. Streams of events never end by themselves, so nobody is waited for.
func serveUntil(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
