package node

import (
	"context"
	"errors"
	"fmt"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/chainfile"
	"p2pchain/core/miner"
	"p2pchain/p2p"
)

// mining is the miner as the API shows and changes it.
type mining struct{ node *Node }

// Status returns how mining goes.
func (m mining) Status() api.Mining {
	s := m.node.miner.Status()
	return api.Mining{
		Mode: string(s.Mode), Paused: s.Paused, Threads: s.Threads,
		Working: s.Working, HashRate: s.HashRate, Height: s.Height, Sealed: s.Sealed,
	}
}

// Set changes the mode, unless it is empty, and the number of threads, unless it is 0. Nothing is
// written down: the flags and the configuration say how the node starts.
func (m mining) Set(mode string, threads int) error {
	n := m.node
	n.settingMining.Lock()
	defer n.settingMining.Unlock()
	now := n.miner.Status()
	next := miner.Mode(mode)
	if mode == "" {
		next = now.Mode
	}
	if _, err := miner.ParseMode(string(next)); err != nil {
		return fmt.Errorf("%w: %w", api.ErrMining, err)
	}
	if err := n.cfg.allowsMode(next); err != nil {
		return fmt.Errorf("%w: %w", api.ErrMiningHere, err)
	}
	if threads == 0 {
		threads = now.Threads
	}
	if err := n.miner.SetThreads(threads); err != nil {
		return fmt.Errorf("%w: %w", api.ErrMining, err)
	}
	if err := n.miner.SetMode(next); err != nil {
		return err
	}
	n.countMiners(next, threads)
	return nil
}

// countMiners tells the owner of the process how many threads may search.
func (n *Node) countMiners(mode miner.Mode, threads int) {
	if mode == miner.Off {
		threads = 0
	}
	if n.cfg.OnMiners != nil {
		n.cfg.OnMiners(threads)
	}
}

// allowsMode says why the network of a node does not allow a way of mining, nil if it does.
func (c *Config) allowsMode(mode miner.Mode) error {
	if c.Network != nil && mode == miner.Always && c.Network.Params.Pow == core.PowClassic {
		return fmt.Errorf("mine is always, but %s has one message in every block", c.Network)
	}
	return nil
}

// Disconnect ends the connections to a peer; errors as api.Host wants them.
func (p peers) Disconnect(id string) error {
	err := p.p2p.Disconnect(id)
	switch {
	case errors.Is(err, p2p.ErrBadAddress):
		return fmt.Errorf("%w: %w", api.ErrAddress, err)
	case errors.Is(err, p2p.ErrNoPeer):
		return fmt.Errorf("%w: %w", api.ErrNoPeer, err)
	}
	return err
}

// importStream takes in a chain file that comes through the API. It cannot be read twice.
func (n *Node) importStream(ctx context.Context, file *chainfile.Reader, progress func(api.Imported)) (api.Imported, error) {
	done, err := n.takeIn(ctx, Import{File: file, Progress: func(now Imported) { progress(now.view()) }})
	return done.view(), err
}

// view returns what an import has done as the API shows it.
func (i Imported) view() api.Imported {
	return api.Imported{Blocks: i.Blocks, Messages: i.Messages, Known: i.Known, Waiting: i.Waiting}
}
