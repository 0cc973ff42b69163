package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/core"
)

// An exportSource is where a chain is exported from.
type exportSource interface {
	// tip returns the height of the best chain.
	tip(ctx context.Context) (uint64, error)
	// isBest reports whether a block is on the best chain.
	isBest(ctx context.Context, height uint64, hash core.Hash) (bool, error)
	// open returns a chain file of what is above a block named by height or hash, of all where the
	// name is empty.
	open(ctx context.Context, since string) (io.ReadCloser, error)
	close() error
}

// exportSource returns the node that runs in the data directory or is named by the flags, or else the
// chain of the one that does not run there.
func (a *app) exportSource(ctx context.Context, f *clientFlags) (exportSource, error) {
	c, err := a.connect(ctx, f)
	if err == nil {
		return runningNode{c}, nil
	}
	if !a.isStopped(f, err) {
		return nil, err
	}
	cfg, dirErr := a.stoppedConfig()
	if dirErr != nil {
		return nil, dirErr
	}
	if !node.HasChain(cfg.Dir) {
		return nil, err
	}
	if cfg.Network, err = node.FindNetwork(cfg.Dir, node.NetworkChoice{}); err != nil {
		return nil, err
	}
	s, err := node.OpenStopped(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return stoppedNode{s}, nil
}

// stoppedConfig returns what a node that does not run is opened with, but for its network.
func (a *app) stoppedConfig() (node.Config, error) {
	cfg := node.DefaultConfig()
	dir, err := a.dataDir()
	cfg.Dir, cfg.Version, cfg.OnSyncFailure = dir, programVersion(), a.dieOfSync
	cfg.Log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	return cfg, err
}

// A runningNode is asked by its API.
type runningNode struct{ client *client.Client }

func (r runningNode) tip(ctx context.Context) (uint64, error) {
	n, err := r.client.Node(ctx)
	return n.Tip.Height, err
}

func (r runningNode) isBest(ctx context.Context, height uint64, hash core.Hash) (bool, error) {
	page, err := r.client.Blocks(ctx, fmt.Sprintf("%d-%v", height, hash), 1)
	return !page.Reorged, err
}

func (r runningNode) open(ctx context.Context, since string) (io.ReadCloser, error) {
	return r.client.Export(ctx, since)
}

func (r runningNode) close() error {
	r.client.Close()
	return nil
}

// A stoppedNode is read from its directory.
type stoppedNode struct{ node *node.Stopped }

func (s stoppedNode) tip(context.Context) (uint64, error) {
	height, _ := s.node.Tip()
	return height, nil
}

func (s stoppedNode) isBest(_ context.Context, height uint64, hash core.Hash) (bool, error) {
	at, err := s.node.HashAt(height)
	if errors.Is(err, node.ErrNoBlock) {
		return false, nil
	}
	return at == hash, err
}

func (s stoppedNode) open(_ context.Context, since string) (io.ReadCloser, error) {
	return s.node.Export(since)
}

func (s stoppedNode) close() error { return s.node.Close() }
