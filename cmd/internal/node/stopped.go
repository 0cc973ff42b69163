package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/chainfile"
	"p2pchain/core/store"
)

// ErrNoBlock means that a block is not on the best chain.
var ErrNoBlock = errors.New("no such block on the best chain")

// A Stopped is the chain of a node that does not run: no socket is open, and nobody else can use the
// directory. Its methods must not be called at the same time.
type Stopped struct{ node *Node }

// HasChain reports whether a data directory holds a chain.
func HasChain(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, storeFolder))
	return !errors.Is(err, fs.ErrNotExist)
}

// OpenStopped opens the chain in a data directory, which is made where it is missing. Of cfg it uses
// what concerns directory, network, disk and log. Its errors are those of Open.
func OpenStopped(ctx context.Context, cfg Config) (*Stopped, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	kept, err := keptNetwork(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if kept != nil && kept.Genesis != cfg.Network.Genesis {
		return nil, fmt.Errorf("the data in %s are those of network %s, not of %s: %w", cfg.Dir, kept, cfg.Network, store.ErrOtherNetwork)
	}
	n := &Node{cfg: cfg, log: cfg.Log, failed: make(chan error, 1)}
	for _, step := range []func(context.Context) error{n.openDirectory, n.openStore, n.openChain} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return &Stopped{n}, nil
}

// Close closes the files.
func (s *Stopped) Close() error { return s.node.Close() }

// Tip returns the last block of the best chain.
func (s *Stopped) Tip() (height uint64, hash core.Hash) {
	tip := s.node.chain.Tip()
	return tip.Header.Height, tip.Hash
}

// HashAt returns the block of the best chain at a height; ErrNoBlock above the tip.
func (s *Stopped) HashAt(height uint64) (core.Hash, error) {
	hash, err := s.node.chain.HashAt(height)
	if errors.Is(err, chain.ErrNotFound) {
		return hash, fmt.Errorf("height %d: %w", height, ErrNoBlock)
	}
	return hash, err
}

// Export returns the best chain as a chain file: all of it, or genesis and what is above a block named
// by its height or hash; ErrNoBlock. It must be closed before s is.
func (s *Stopped) Export(since string) (io.ReadCloser, error) {
	from, err := s.find(since)
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		in.CloseWithError(s.write(in, from+1))
	}()
	return &pipe{out, ended}, nil
}

// find returns the height of a block by its name, 0 for an empty one.
func (s *Stopped) find(name string) (uint64, error) {
	if name == "" {
		return 0, nil
	}
	if height, err := strconv.ParseUint(name, 10, 64); err == nil && len(name) < 2*core.HashSize {
		_, err := s.HashAt(height)
		return height, err
	}
	hash, err := core.ParseHash(name)
	if err != nil {
		return 0, err
	}
	h, err := s.node.chain.Header(hash)
	if errors.Is(err, chain.ErrNotFound) {
		return 0, fmt.Errorf("block %v: %w", hash, ErrNoBlock)
	}
	if err != nil {
		return 0, err
	}
	if at, err := s.HashAt(h.Height); err != nil || at != hash {
		return 0, errors.Join(fmt.Errorf("block %v: %w", hash, ErrNoBlock), err)
	}
	return h.Height, nil
}

// write writes genesis and the blocks from a height on.
func (s *Stopped) write(w io.Writer, height uint64) error {
	buf := bufio.NewWriterSize(w, 256<<10)
	lines := chainfile.NewWriter(buf)
	if err := lines.Genesis(s.node.cfg.Network); err != nil {
		return err
	}
	for top, _ := s.Tip(); height <= top; height++ {
		hash, err := s.HashAt(height)
		if err != nil {
			return err
		}
		b, err := s.node.chain.Block(hash)
		if err != nil {
			return fmt.Errorf("reading block %d: %w", height, err)
		}
		if err := lines.Block(b); err != nil {
			return err
		}
	}
	return buf.Flush()
}

// A pipe is what somebody else writes.
type pipe struct {
	*io.PipeReader
	ended chan struct{}
}

// Close returns when the writer has noticed.
func (p *pipe) Close() error {
	err := p.PipeReader.Close()
	<-p.ended
	return err
}
