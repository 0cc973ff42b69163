package simtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/bootstrap"
	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/forget"
	"p2pchain/core/mempool"
	"p2pchain/core/miner"
	"p2pchain/core/miner/minertest"
	"p2pchain/core/store"
	"p2pchain/p2p"
	"p2pchain/p2p/p2ptest"
)

// A config says what a node does by itself.
type config struct {
	// Dials are the numbers of the nodes that it connects to, again whenever a connection is lost, as
	// the seeds of an operator. They may start later than it does.
	Dials []int
	// TriesPerSecond is the rate of its miner, which works while messages wait; 0 is no miner.
	TriesPerSecond float64
	// Keeps says that the node keeps what authors ask to erase.
	Keeps bool
	// P2P changes the settings of its network side.
	P2P func(*p2p.Config)
	// Log takes what the node logs; nil drops it.
	Log io.Writer
}

// A simNode is a node as in production, between its disk and its network: Pebble on a file system
// that keeps after a power cut only what was synced, chain, pool, miner (which draws lots instead of
// searching), p2p.Node on QUIC, and bootstrap with fixed seeds. What is different: no TCP, no
// multicast DNS, no REST, and a peer book that is lost with the node.
//
// P2P, Chain and Pool are those of the current life: read them anew after Restart, and not while the
// node is down. One goroutine at a time may crash and restart a node.
type simNode struct {
	Index   int // of its seat
	Network *core.Network
	P2P     *p2p.Node
	Chain   *chain.Chain
	Pool    *mempool.Pool
	Store   *store.Store

	sim    *simulation
	seat   *p2ptest.SimSeat
	t      testing.TB
	cfg    config
	disk   *vfs.MemFS
	miner  *miner.Miner
	forget *forget.Forgetter
	cancel context.CancelFunc
	ended  sync.WaitGroup

	mu   sync.Mutex // guards life and said
	life int        // odd while the node is up
	said map[core.Hash]bool
}

// Start runs the next node on an empty disk until the test ends.
func (s *simulation) Start(n *core.Network, cfg config) *simNode {
	s.t.Helper()
	seat := s.Seat()
	node := &simNode{
		Index: seat.Index(), Network: n, sim: s, seat: seat, t: s.t, cfg: cfg, disk: vfs.NewCrashableMem(), said: make(map[core.Hash]bool),
	}
	s.mu.Lock()
	s.nodes = append(s.nodes, node)
	s.mu.Unlock()
	node.up()
	s.t.Cleanup(node.down)
	return node
}

// Crash cuts the power: nothing that the node sends arrives from now on, and its disk keeps what was
// synced and a random part of the rest. It returns when what the node left behind has ended.
func (n *simNode) Crash() {
	n.mu.Lock()
	up := n.life%2 == 1
	n.life++ // from here on, what the node accepts is no promise
	n.mu.Unlock()
	if !up {
		n.t.Fatalf("node %d crashes while it is down", n.Index)
	}
	n.seat.Crash()
	random := n.random(0)
	n.disk = n.disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: random.IntN(101), RNG: random})
	n.close()
}

// random is for what a node draws in one of its lives.
func (n *simNode) random(what uint64) *rand.Rand {
	return n.sim.Random(uint64(n.Index+1)<<32 | uint64(n.life)<<8 | what)
}

// Restart runs a crashed node again, on what its disk kept.
func (n *simNode) Restart() {
	n.t.Helper()
	n.up()
}

// Up reports whether the node runs.
func (n *simNode) Up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.life%2 == 1
}

// up opens and runs all parts.
func (n *simNode) up() {
	n.t.Helper()
	if err := n.open(); err != nil {
		n.t.Fatalf("node %d: %v", n.Index, err)
	}
	seeker, err := n.seeker()
	if err != nil {
		n.t.Fatalf("node %d: %v", n.Index, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	n.run(ctx, "pool", n.Pool.Run)
	n.run(ctx, "p2p", n.P2P.Run)
	n.run(ctx, "bootstrap", seeker.Run)
	n.run(ctx, "forget", n.forget.Run)
	if n.miner != nil {
		n.run(ctx, "miner", n.miner.Run)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.life++
}

func (n *simNode) run(ctx context.Context, name string, part func(context.Context) error) {
	n.ended.Go(func() {
		if err := part(ctx); err != nil {
			n.t.Errorf("node %d: %s: %v", n.Index, name, err)
		}
	})
}

// down ends a node with its test.
func (n *simNode) down() {
	if !n.Up() {
		return
	}
	n.mu.Lock()
	n.life++
	n.mu.Unlock()
	n.close()
}

// close ends what up began.
func (n *simNode) close() {
	n.cancel()
	n.ended.Wait()
	for _, closing := range []func() error{n.P2P.Close, n.seat.Close, n.Store.Close} {
		if err := closing(); err != nil {
			n.t.Errorf("closing node %d: %v", n.Index, err)
		}
	}
}

// open opens all parts in the order of cmd/internal/node.
func (n *simNode) open() error {
	out := n.cfg.Log
	if out == nil {
		out = io.Discard
	}
	log := slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(out, nil), slog.NewTextHandler(&n.sim.warned, &slog.HandlerOptions{Level: slog.LevelWarn}),
	)).With("node", n.Index, "life", n.life)
	var err error
	fatal := func(err error) { n.t.Errorf("node %d: disk: %v", n.Index, err) }
	if n.Store, err = store.Open("store", n.Network, store.Options{FS: n.disk, OnFatal: fatal, CacheBytes: 1 << 20}); err != nil {
		return err
	}
	chains, pools := chain.DefaultConfig(), mempool.DefaultConfig()
	chains.Log, pools.Log = log, log
	chains.Verified, chains.Erased = consensus.NewVerified(), n.Store.Refuses
	if !n.cfg.Keeps {
		chains.Erased, chains.Honour = n.Store.Excused, n.Store.Claim
	}
	pools.Verified = chains.Verified
	if n.Chain, err = chain.Open(n.Network, n.Store, chains); err != nil {
		return err
	}
	if n.Pool, err = mempool.Open(n.Network, n.Chain, n.Store, pools); err != nil {
		return err
	}
	cfg := p2p.DefaultConfig()
	cfg.Key, cfg.Listen, cfg.Agent = n.seat.Key(), []string{n.seat.Listen()}, fmt.Sprintf("simulated/%d", n.Index)
	cfg.HostOptions = n.seat.Options()
	cfg.Log, cfg.Exchange.Log, cfg.Syncer.Log, cfg.Gossip.Log, cfg.Filler.Log = log, log, log, log, log
	cfg.Bodies = n.Store
	if n.cfg.P2P != nil {
		n.cfg.P2P(&cfg)
	}
	if n.P2P, err = p2p.Open(n.Network, n.Chain, n.Pool, cfg); err != nil {
		return err
	}
	forgets := forget.DefaultConfig()
	forgets.Honour, forgets.Log = !n.cfg.Keeps, log
	if n.forget, err = forget.New(n.Store, n.Chain, n.Pool, forgets); err != nil {
		return err
	}
	return n.openMiner(log)
}

func (n *simNode) openMiner(log *slog.Logger) error {
	if n.cfg.TriesPerSecond == 0 {
		return nil
	}
	cfg := miner.DefaultConfig()
	cfg.Search = minertest.NewPoisson(n.Network, n.cfg.TriesPerSecond, n.random(1).Uint64())
	var err error
	n.miner, err = miner.New(n.Network, n.Pool, n.Chain, n.submit, cfg, log)
	return err
}

// submit puts a sealed block on the chain and tells the peers, as cmd/internal/node does.
func (n *simNode) submit(ctx context.Context, b *core.Block) error {
	if _, err := n.Chain.AddBlocks([]*core.Block{b}); err != nil {
		return err
	}
	if err := n.P2P.PublishBlock(ctx, b); err != nil && ctx.Err() == nil {
		return fmt.Errorf("publishing a block: %w", err)
	}
	return nil
}

// seeker keeps the node connected to those that it dials.
func (n *simNode) seeker() (*bootstrap.Bootstrap, error) {
	cfg := bootstrap.DefaultConfig(n.Network.ID())
	cfg.MDNS = false
	for _, i := range n.cfg.Dials {
		seed, err := bootstrap.ParseSeed(n.sim.Addr(i))
		if err != nil {
			return nil, err
		}
		cfg.Seeds = append(cfg.Seeds, seed)
	}
	return bootstrap.New(n.P2P.Host(), new(bootstrap.MemoryBook), cfg, slog.New(slog.DiscardHandler))
}

// Say takes messages as from the node's users and returns how many it accepted: those are promised
// to last, and Accepted lists them. It is none while the node is down.
func (n *simNode) Say(msgs ...*core.Message) int {
	n.t.Helper()
	n.mu.Lock()
	if n.life%2 == 0 {
		n.mu.Unlock()
		return 0
	}
	life, pool := n.life, n.Pool
	n.mu.Unlock()
	accepted := 0
	errs := pool.Add(msgs, mempool.Origin{})
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, err := range errs {
		switch {
		case n.life != life: // it crashed before its user had the answer
		case err == nil:
			n.said[msgs[i].ID] = true
			accepted++
		case !errors.Is(err, mempool.ErrKnown):
			n.t.Errorf("node %d, message %d: %v", n.Index, i, err)
		}
	}
	return accepted
}

// Wait has messages wait in the node's pool as if a peer had sent them: known here, published by
// nobody.
func (n *simNode) Wait(msgs ...*core.Message) {
	n.t.Helper()
	for i, err := range n.Pool.Add(msgs, mempool.Origin{Peer: "elsewhere"}) {
		if err != nil && !errors.Is(err, mempool.ErrKnown) {
			n.t.Fatalf("node %d, message %d: %v", n.Index, i, err)
		}
	}
}

// Seal connects a block that was mined on the node's tip, and publishes it.
func (n *simNode) Seal(b *core.Block) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.submit(ctx, b); err != nil {
		n.t.Fatalf("node %d: %v", n.Index, err)
	}
}
