package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/prometheus/client_golang/prometheus"

	"p2pchain/api"
	"p2pchain/bootstrap"
	"p2pchain/cmd/internal/backup"
	"p2pchain/cmd/internal/metrics"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/forget"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/store"
	"p2pchain/p2p"
)

// ErrSync means that the disk did not keep what it was asked to keep, so that nothing more can be
// promised. The next start recovers what is on it.
var ErrSync = errors.New("the disk failed")

// stopPatience is how long all parts together may take to stop.
const stopPatience = 5 * time.Second

// A Node is a whole node. Open builds it, Run runs it; its other methods are safe for concurrent use.
type Node struct {
	cfg   Config
	log   *slog.Logger
	key   KeyInfo
	priv  crypto.PrivKey
	notes []string
	seeds []string // to join: those of the user and those that the directory keeps

	store     *store.Store
	verified  *consensus.Verified
	chain     *chain.Chain
	pool      *mempool.Pool
	miner     *miner.Miner
	guard     *guard
	forget    *forget.Forgetter
	p2p       *p2p.Node
	bootstrap *bootstrap.Bootstrap
	pulse     *pulse
	metrics   *prometheus.Registry
	started   time.Time
	api       *api.Server  // nil: off
	backup    *backup.Job  // nil: off
	held      hold         // until openPeers
	listener  net.Listener // nil: off
	cert      string       // the file of the API's certificate, empty: without TLS

	settingMining sync.Mutex // held while mode and threads of the miner change together

	failed  chan error     // takes the failure of the disk
	closers []func() error // what Open opened, in that order
}

// Open builds a node: it makes or opens the data directory, and opens all files and sockets. After
// an error nothing stays open.
//
// Errors: ErrConfig, ErrDirectory, ErrAddressInUse, those of store.Open, and others.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Log, failed: make(chan error, 1), started: cfg.Now(), metrics: metrics.NewRegistry()}
	n.openPulse()
	for _, step := range []func(context.Context) error{
		n.rehearse, n.openDirectory, n.openStore, n.openChain, n.openSocket, n.openPeers, n.openMiner, n.openBootstrap, n.openForget, n.openAPI, n.openBackup, n.leaveAddress,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, n.Close())
		}
	}
	return n, nil
}

// Close closes a node that was opened and never run; Run does it by itself. Later calls do nothing.
func (n *Node) Close() error {
	var errs []error
	for _, closer := range slices.Backward(n.closers) {
		errs = append(errs, closer())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// Run runs all parts until ctx ends, then stops and closes them within five seconds and returns nil.
// Any other end is an error: ErrSync where the disk failed, store.ErrCorrupt where the store turned out
// to be damaged.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := []part{
		{"mempool", n.pool.Run},
		{"p2p", n.p2p.Run},
		{"bootstrap", n.bootstrap.Run},
		{"guard", n.guard.Run},
		{"forget", n.forget.Run},
		{"pulse", n.pulse.Run},
		{"miner", n.miner.Run},
		{"disk", func(ctx context.Context) error { return n.watchDisk(ctx, cancel) }},
	}
	if n.api != nil {
		parts = append(parts, part{"api", func(ctx context.Context) error { return n.api.Run(ctx, n.listener) }})
	}
	if n.backup != nil { // ends last, with all blocks that there are
		parts = slices.Insert(parts, 0, part{"backup", n.backup.Run})
	}
	err := runParts(ctx, parts, stopPatience, n.log)
	if cause := context.Cause(ctx); errors.Is(cause, ErrSync) || errors.Is(cause, store.ErrCorrupt) {
		err = errors.Join(cause, err)
	}
	if errors.Is(err, errHangs) {
		return err // whatever hangs may still use the store, which is safe to leave as it is
	}
	return errors.Join(err, n.Close())
}

// watchDisk ends the node as soon as the store says that the disk failed.
func (n *Node) watchDisk(ctx context.Context, end context.CancelCauseFunc) error {
	select {
	case err := <-n.failed:
		end(err)
		<-ctx.Done()
	case <-ctx.Done():
	}
	return nil
}

// diskFailed is called by the store, perhaps with its locks held.
func (n *Node) diskFailed(err error) {
	err = fmt.Errorf("%w: %w", ErrSync, err)
	if n.cfg.OnSyncFailure != nil {
		n.cfg.OnSyncFailure(err)
	}
	select {
	case n.failed <- err:
	default: // one is enough
	}
}

// onClose remembers what to undo.
func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

func (n *Node) openDirectory(context.Context) error {
	if exists(filepath.Join(n.cfg.Dir, lockFile)) {
		return fmt.Errorf("%s is the folder of an introducer, whose key a node must not share: %w", n.cfg.Dir, ErrDirectory)
	}
	if err := makeDirectory(n.cfg.Dir); err != nil {
		return err
	}
	key, err := loadKey(n.cfg.Dir)
	if err != nil {
		return err
	}
	n.priv = key
	n.key, err = keyInfo(n.cfg.Dir, key)
	return err
}

func (n *Node) openStore(ctx context.Context) error {
	dir := filepath.Join(n.cfg.Dir, storeFolder)
	opts := n.storeOptions()
	_, missing := os.Stat(dir)
	s, err := n.openWhole(ctx, dir, opts)
	// A store that waits for space is still being opened: nobody may move it.
	inUse := errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrDiskFull)
	if n.cfg.SetAside && !errors.Is(missing, fs.ErrNotExist) && !inUse {
		if s != nil {
			err = s.Close()
		}
		kept, asideErr := setAside(n.cfg.Dir, n.cfg.Network, n.cfg.Now())
		if asideErr != nil {
			return errors.Join(asideErr, err)
		}
		if kept != "" {
			n.note("the old chain is in %s", kept)
		}
		s, err = n.openPatiently(ctx, dir, opts)
	}
	if err != nil {
		return err
	}
	n.store = s
	n.onClose(s.Close)
	return keepNetwork(n.cfg.Dir, n.cfg.Network)
}

func (n *Node) openChain(context.Context) error {
	chainCfg := chain.DefaultConfig()
	chainCfg.Now, chainCfg.Log = n.cfg.Now, n.log.With("part", "chain")
	n.verified = consensus.NewVerified()
	chainCfg.Verified, chainCfg.Erased = n.verified, n.store.Refuses
	if n.cfg.HonourErasures {
		chainCfg.Erased, chainCfg.Honour = n.store.Excused, n.store.Claim
	}
	var err error
	if n.chain, err = chain.Open(n.cfg.Network, n.store, chainCfg); err != nil {
		return err
	}
	poolCfg := mempool.DefaultConfig()
	poolCfg.Now, poolCfg.Log, poolCfg.Verified = n.cfg.Now, n.log.With("part", "mempool"), chainCfg.Verified
	n.pool, err = mempool.Open(n.cfg.Network, n.chain, n.store, poolCfg)
	return err
}

func (n *Node) openMiner(context.Context) error {
	cfg := miner.DefaultConfig()
	cfg.Mode, cfg.Threads, cfg.Search, cfg.Now = n.cfg.Mine, n.cfg.MineThreads, n.cfg.Search, n.cfg.Now
	var err error
	log := n.log.With("part", "miner")
	if n.miner, err = miner.New(n.cfg.Network, n.pool, n.chain, n.submit, cfg, log); err != nil {
		return err
	}
	n.countMiners(cfg.Mode, cfg.Threads)
	n.guard = &guard{
		miner: n.miner, disk: n.store.Disk, skew: n.p2p.ClockSkew, sync: n.p2p.Sync,
		least: n.cfg.ReserveBytes, log: log,
	}
	return nil
}

// submit puts a sealed block on the chain and tells the peers. They hear of it as soon as its header
// is found valid: to store a large block takes longer than to tell of it, and they rebuild it from what
// they have.
func (n *Node) submit(ctx context.Context, b *core.Block) error {
	told := false
	if known, err := n.chain.AddHeaders([]core.Header{b.Header}, core.Work{}); err == nil && known == 1 {
		told = n.p2p.PublishBlock(ctx, b) == nil // what went wrong is said once, below
	}
	if _, err := n.chain.AddBlocks([]*core.Block{b}); err != nil {
		return err
	}
	if !told {
		n.announce(ctx, b)
	}
	return nil
}

// announce tells the peers of a block. That nobody listens is no fault of the block: peers that come
// later fetch it.
func (n *Node) announce(ctx context.Context, b *core.Block) {
	if err := n.p2p.PublishBlock(ctx, b); err != nil && ctx.Err() == nil {
		n.log.Warn("publishing a block", "height", b.Header.Height, "err", err)
	}
}

func (n *Node) openBootstrap(context.Context) error {
	cfg := bootstrap.DefaultConfig(n.cfg.Network.ID())
	cfg.MDNS, cfg.DHT, cfg.Exchange = n.cfg.MDNS, n.cfg.DHT, n.p2p
	if _, err := KeepSeeds(n.cfg.Dir, n.cfg.Keep); err != nil {
		return err
	}
	kept, err := keptSeeds(n.cfg.Dir)
	if err != nil {
		return err
	}
	n.seeds = joinSeeds(n.cfg.Bootstrap, kept)
	if cfg.Seeds, err = parseSeeds(n.seeds); err != nil {
		return err
	}
	log := n.log.With("part", "bootstrap")
	n.bootstrap, err = bootstrap.New(n.p2p.Host(), book{n.store, log}, cfg, log)
	return err
}

// openBackup makes the job that keeps the chain file. It opens nothing before it runs.
func (n *Node) openBackup(context.Context) error {
	if !n.cfg.ChainFile {
		return nil
	}
	var err error
	n.backup, err = backup.New(n.cfg.Network, n.chain, n.backupConfig())
	return err
}

func (n *Node) backupConfig() backup.Config {
	cfg := backup.DefaultConfig()
	cfg.Dir, cfg.Now, cfg.Room = n.cfg.Dir, n.cfg.Now, n.ready
	cfg.Log = n.log.With("part", "backup")
	return cfg
}

// leaveAddress tells the commands of this machine where the node is.
func (n *Node) leaveAddress(context.Context) error {
	n.leaveInvite()
	n.onClose(n.renewInvite)
	if n.api == nil {
		return removeAddress(n.cfg.Dir) // a killed node may have left one
	}
	n.onClose(func() error { return removeAddress(n.cfg.Dir) })
	return writeAddress(n.cfg.Dir, Address{
		URL: n.API(), PID: os.Getpid(), ID: n.key.PeerID, Network: n.cfg.Network.Params.Name, Started: n.cfg.Now().UTC(),
		Cert: n.cert,
	})
}

func (n *Node) note(format string, args ...any) {
	n.notes = append(n.notes, fmt.Sprintf(format, args...))
}
