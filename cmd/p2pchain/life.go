package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"p2pchain/cmd/internal/invite"
	"p2pchain/cmd/internal/node"
	"p2pchain/cmd/internal/systemd"
	"p2pchain/core/background"
)

const (
	// softMemory is from where on memory is collected more often than Go does by itself. A node that
	// syncs makes much garbage and takes 220 MiB instead of 300 with it; one that serves is far below,
	// and answers a quarter more requests than where garbage is collected early all the time.
	softMemory = 208<<20 + ballast
	// ballast is memory that nobody uses. Go collects garbage whenever the heap has doubled, and a node's
	// is small, since the database has its own memory: it did so fifty times a second while somebody read the
	// chain, and half of the slowest answers to others waited for that. Pages that are never written to
	// take no memory, but count.
	ballast = 16 << 20
	// openPatience is how long a start goes on once it is to end. What is on the disk can be left at any
	// moment; to walk through a large store takes longer than anybody waits for.
	openPatience = 2 * time.Second
)

// runNode builds a node, says how to reach it and runs it until ctx ends. An invite, if there is one,
// says which network it is of and whom it joins.
func (a *app) runNode(ctx context.Context, f *runFlags, to *invite.Invite) error {
	cfg, err := a.nodeConfig(f, to)
	if err != nil {
		return err
	}
	var live *liveLine
	if a.isLive(a.stderr) {
		live = &liveLine{w: a.stderr}
		a.stderr = live // so that the log scrolls by above
	}
	log, err := a.startLog(f)
	if err != nil {
		return err
	}
	defer log.Close()
	log.Capture()
	cfg.Log, cfg.LogStats = log.Logger(), log.Stats
	a.tuneRuntime(&cfg)
	manager := a.serviceManager(cfg.Log)
	defer manager.Close()
	n, err := openNode(ctx, cfg, manager)
	if err != nil {
		return err
	}
	if err := a.greet(n); err != nil {
		return errors.Join(err, n.Close())
	}
	defer soon(followSync(ctx, n.Sync, live, cfg.Log))
	if _, set := a.lookupEnv("GOGC"); !set {
		weight := make([]byte, ballast)
		defer runtime.KeepAlive(weight)
	}
	defer keepInformed(ctx, manager, n, cfg.Log)()
	err = n.Run(ctx)
	if err == nil {
		cfg.Log.Info("stopped") // who pressed Ctrl-C sees that it is done
	}
	return err
}

// tuneRuntime sets what is the process' and not a node's.
func (a *app) tuneRuntime(cfg *node.Config) {
	// Whoever reads our output may go away: that is no reason for a node to end.
	signal.Ignore(syscall.SIGPIPE)
	// Each miner keeps a core busy; one more runs the node whatever they do: see package miner.
	procs := runtime.GOMAXPROCS(0)
	cfg.OnMiners = func(threads int) { runtime.GOMAXPROCS(background.Procs(procs, threads)) }
	if _, set := a.lookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(softMemory)
	}
}

// serviceManager returns whom to tell how the process is; nil is nobody. That it cannot be told is no
// reason not to run.
func (a *app) serviceManager(log *slog.Logger) *systemd.Notifier {
	manager, err := systemd.New(a.lookupEnv)
	if err != nil {
		log.Warn("no word to the service manager", "err", err)
	}
	return manager
}

// openNode opens a node. Where ctx ends first and opening goes on, that is left behind, for the end of
// the process.
func openNode(ctx context.Context, cfg node.Config, manager *systemd.Notifier) (*node.Node, error) {
	starting, started := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() {
		if err := manager.Starting(starting, "opening the store"); err != nil {
			cfg.Log.Warn("no word to the service manager", "err", err)
		}
	})
	defer telling.Wait()
	defer started()
	type result struct {
		node *node.Node
		err  error
	}
	opened := make(chan result, 1)
	go func() {
		n, err := node.Open(ctx, cfg)
		opened <- result{n, err}
	}()
	select {
	case r := <-opened:
		return r.node, r.err
	case <-ctx.Done():
	}
	patience := time.NewTimer(openPatience)
	defer patience.Stop()
	select {
	case r := <-opened:
		return r.node, r.err
	case <-patience.C:
		return nil, fmt.Errorf("the store was still being opened: %w", errInterrupted)
	}
}

// keepInformed tells the service manager how a service is until ctx ends, and returns what waits for that.
func keepInformed(ctx context.Context, manager *systemd.Notifier, s systemd.Service, log *slog.Logger) (wait func()) {
	ctx, cancel := context.WithCancel(ctx)
	var telling sync.WaitGroup
	telling.Go(func() {
		if err := manager.Run(ctx, s); err != nil {
			log.Warn("no word to the service manager", "err", err)
		}
	})
	return func() {
		cancel()
		telling.Wait()
	}
}

// soon calls what ends something that writes to the terminal. If that is stopped it is left behind.
func soon(end func()) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		end()
	}()
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
	}
}

// dieOfSync ends the process at once: the disk did not keep what it was asked to keep, so nothing that
// still runs here may acknowledge anything, or tidy up. The next start recovers what is on the disk.
func (a *app) dieOfSync(err error) { os.Exit(a.report(err, nil)) }
