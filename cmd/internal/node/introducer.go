package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/core"
	"p2pchain/p2p"
)

// introducerFolder is where an introducer keeps its key and its settings, in the data directory.
const introducerFolder = "bootstrap"

// lockFile keeps a second introducer out of the directory. A node has its store for that.
const lockFile = "lock"

// IntroducerDir returns the directory of the introducer that belongs to a data directory. It is one of
// its own, so that a node and an introducer can run side by side and have two keys.
func IntroducerDir(dir string) string { return filepath.Join(dir, introducerFolder) }

// An Introducer tells the nodes of a network of each other and does nothing else: it has no chain and
// no API. OpenIntroducer opens it, Run runs it.
type Introducer struct {
	cfg   Config
	log   *slog.Logger
	priv  crypto.PrivKey
	notes []string
	seeds []string
	held  hold // until openPeers

	p2p       *p2p.Introducer
	bootstrap *bootstrap.Bootstrap
	closers   []func() error
}

// OpenIntroducer opens an introducer's sockets. Of cfg it uses Dir, which is its own, Network, and all
// that is about peers; it does not look around on the local network. Errors are those of Open.
func OpenIntroducer(ctx context.Context, cfg Config) (*Introducer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	i := &Introducer{cfg: cfg, log: cfg.Log}
	for _, step := range []func(context.Context) error{i.rehearse, i.openDirectory, i.openPeers, i.openBootstrap, i.leaveInvite} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, i.Close())
		}
	}
	return i, nil
}

func (i *Introducer) openDirectory(context.Context) error {
	if _, err := os.Stat(filepath.Join(i.cfg.Dir, storeFolder)); err == nil {
		return fmt.Errorf("%s is the folder of a node, whose key an introducer must not share: %w", i.cfg.Dir, ErrDirectory)
	}
	if err := makeDirectory(i.cfg.Dir); err != nil {
		return err
	}
	lock, err := vfs.Default.Lock(filepath.Join(i.cfg.Dir, lockFile))
	if err != nil {
		return &lockedError{i.cfg.Dir, err}
	}
	i.closers = append(i.closers, lock.Close)
	if err := keepNetwork(i.cfg.Dir, i.cfg.Network); err != nil {
		return err
	}
	if _, err := KeepSeeds(i.cfg.Dir, i.cfg.Keep); err != nil {
		return err
	}
	kept, err := keptSeeds(i.cfg.Dir)
	if err != nil {
		return err
	}
	i.seeds = joinSeeds(i.cfg.Bootstrap, kept)
	i.priv, err = loadKey(i.cfg.Dir)
	return err
}

func (i *Introducer) openPeers(context.Context) error {
	cfg := p2p.DefaultConfig()
	cfg.Key, cfg.Announce, cfg.NAT = i.priv, i.cfg.Announce, i.cfg.Reach.settings()
	cfg.MaxPeers, cfg.Agent = i.cfg.MaxPeers, "p2pchain/"+i.cfg.Version
	cfg.Now, cfg.Log = i.cfg.Now, i.log.With("part", "p2p")
	cfg.Exchange.Log = i.log.With("part", "exchange")
	if err := i.held.release(); err != nil {
		return err
	}
	note, err := listenSomewhere(i.cfg.Listen, func(addrs []string) (err error) {
		cfg.Listen = addrs
		i.p2p, err = p2p.OpenIntroducer(i.cfg.Network, cfg)
		return err
	})
	if err != nil {
		return err
	}
	i.closers = append(i.closers, i.p2p.Close)
	if note != "" {
		i.notes = append(i.notes, note)
	}
	return nil
}

func (i *Introducer) openBootstrap(context.Context) (err error) {
	cfg := bootstrap.DefaultConfig(i.cfg.Network.ID())
	cfg.MDNS, cfg.DHT = false, i.cfg.DHT
	cfg.WantPeers = 0 // who wants to be introduced comes by himself
	if cfg.Seeds, err = parseSeeds(i.seeds); err != nil {
		return err
	}
	i.bootstrap, err = bootstrap.New(i.p2p.Host(), noBook{}, cfg, i.log.With("part", "bootstrap"))
	return err
}

// leaveInvite writes the invite down, as nodes do.
func (i *Introducer) leaveInvite(context.Context) error {
	made, err := i.Invite()
	if errors.Is(err, ErrNoInvite) {
		return nil
	}
	if err != nil {
		return err
	}
	return keepInvite(i.cfg.Dir, made)
}

// Run introduces nodes to each other until ctx ends, then closes everything and returns nil.
func (i *Introducer) Run(ctx context.Context) error {
	err := runParts(ctx, []part{{"p2p", i.p2p.Run}, {"bootstrap", i.bootstrap.Run}}, stopPatience, i.log)
	return errors.Join(err, i.Close())
}

// Live is nil: an introducer has no parts that could wait for each other.
func (i *Introducer) Live() error { return nil }

// Summary says in one line how the introducer is, for those who run it.
func (i *Introducer) Summary() string {
	return fmt.Sprintf("introduces nodes of %s, %d visitors", i.cfg.Network.Params.Name, len(i.p2p.Host().Network().Peers()))
}

// Close closes an introducer that was opened and never run; Run does it by itself.
func (i *Introducer) Close() error {
	var errs []error
	for _, closer := range slices.Backward(i.closers) {
		errs = append(errs, closer())
	}
	i.closers = nil
	return errors.Join(errs...)
}

// Dir returns the introducer's own directory.
func (i *Introducer) Dir() string { return i.cfg.Dir }

// Network returns the network whose nodes it introduces.
func (i *Introducer) Network() *core.Network { return i.cfg.Network }

// ID returns the peer id.
func (i *Introducer) ID() string { return i.p2p.ID() }

// Addrs returns the multiaddrs under which nodes reach it, each with its peer id.
func (i *Introducer) Addrs() []string { return i.p2p.Addrs() }

// Notes returns what the user should know about how it started, in sentences.
func (i *Introducer) Notes() []string { return slices.Clone(i.notes) }

// Invite returns what nodes join the network with, through the introducer.
func (i *Introducer) Invite() (api.Invite, error) {
	return makeInvite(i.cfg.Network, i.Addrs(), i.cfg.Announce, i.seeds)
}

// A noBook remembers nobody: who needs an introducer comes to it.
type noBook struct{}

func (noBook) Peers(context.Context) ([]bootstrap.Entry, error) { return nil, nil }
func (noBook) Put(context.Context, bootstrap.Entry) error       { return nil }
func (noBook) Remove(context.Context, peer.ID) error            { return nil }
