package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"p2pchain/api/web"
	"p2pchain/cmd/internal/node"
	"p2pchain/core/miner"
)

// A Demo is a small network of real nodes with a page that shows it. Open builds it, Run runs it.
type Demo struct {
	cfg      Config
	members  []*member
	cut      *cut
	power    *power
	stream   *stream
	board    *board
	watcher  *watcher
	listener net.Listener
	handler  http.Handler
	logs     []*os.File
}

// Open opens the socket of the page and prepares the nodes, which Run starts. Errors: ErrConfig, and those of
// the network and the files.
func Open(ctx context.Context, cfg Config) (*Demo, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	network, err := newNetwork(time.Now())
	if err != nil {
		return nil, err
	}
	d := &Demo{cfg: cfg, cut: newCut(cfg.Nodes), power: newPower(network, cfg.Nodes), board: newBoard()}
	poked := make(chan struct{}, 1)
	for number := 1; number <= cfg.Nodes; number++ {
		log, err := d.openLog(number)
		if err != nil {
			return nil, errors.Join(err, d.closeLogs())
		}
		c := node.DefaultConfig()
		c.Dir, c.Network, c.Version, c.Log = filepath.Join(cfg.Dir, fmt.Sprint("node", number)), network, cfg.Version, log
		c.Listen, c.HTTP, c.MDNS = []string{loopback}, freeHTTP, false
		c.Mine, c.Search, c.Gate = miner.Always, d.power.pacers[number-1], d.cut.gate(number)
		d.members = append(d.members, newMember(number, c, poked))
	}
	d.stream = newStream(d.add)
	d.watcher = &watcher{
		members: d.members, cut: d.cut, power: d.power, stream: d.stream, board: d.board,
		poked: poked, log: cfg.Log, network: network.String(),
	}
	d.watcher.begin()
	if d.handler, err = d.routes(); err != nil {
		return nil, errors.Join(err, d.closeLogs())
	}
	if d.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen); err != nil {
		return nil, errors.Join(err, d.closeLogs())
	}
	return d, nil
}

// URL is where the page is.
func (d *Demo) URL() string { return "http://" + d.listener.Addr().String() }

// Close closes a demo that was opened and never run; Run does it by itself.
func (d *Demo) Close() error { return errors.Join(d.listener.Close(), d.closeLogs()) }

// Run runs the nodes and the page until ctx ends and all have stopped, and returns nil. A node that ends by
// itself does not end it: the page shows that.
func (d *Demo) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, m := range d.members {
		g.Go(func() error { return m.keep(ctx) })
	}
	g.Go(func() error { return d.watcher.run(ctx) })
	g.Go(func() error { return d.stream.run(ctx) })
	g.Go(func() error { return d.serve(ctx) })
	return errors.Join(g.Wait(), d.closeLogs())
}

// serve serves the page until ctx ends. Streams of events never end by themselves, so nobody is waited for.
func (d *Demo) serve(ctx context.Context) error {
	server := &http.Server{
		Handler: d.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(d.cfg.Log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// add adds a message of the stream to one of the running nodes. One that stops at this moment takes none,
// which nobody minds.
func (d *Demo) add(ctx context.Context, turn int, text string) {
	for i := range d.members {
		m := d.members[(turn+i)%len(d.members)]
		c := m.api()
		if c == nil {
			continue
		}
		if _, err := c.Add(ctx, []byte(text), ""); err != nil {
			d.cfg.Log.Debug("adding a message", "node", m.number, "err", err)
		}
		return
	}
}

// routes returns the page and the control API. They answer only where they are named by an address of this
// machine or localhost, and to no page of another origin, as the pages of p2pchain ui do.
func (d *Demo) routes() (http.Handler, error) {
	page, err := web.Demo(func() any { s, _, _ := d.board.look(); return s }, d.cfg.Log)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	d.addControls(mux)
	return web.Window(mux, web.Direct(http.NotFoundHandler()), nil, d.cfg.Log), nil
}

// openLog opens the log of a node, a file beside its folder.
func (d *Demo) openLog(number int) (*slog.Logger, error) {
	f, err := os.OpenFile(filepath.Join(d.cfg.Dir, fmt.Sprintf("node%d.log", number)), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	d.logs = append(d.logs, f)
	return slog.New(slog.NewTextHandler(f, nil)), nil
}

func (d *Demo) closeLogs() error {
	var errs []error
	for _, f := range d.logs {
		errs = append(errs, f.Close())
	}
	d.logs = nil
	return errors.Join(errs...)
}
