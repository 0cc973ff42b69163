package p2p_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
	"p2pchain/p2p"
)

const (
	tcpLoopback  = "/ip4/127.0.0.1/tcp/0"
	quicLoopback = "/ip4/127.0.0.1/udp/0/quic-v1"
	wsLoopback   = "/ip4/127.0.0.1/tcp/0/ws"
)

// A journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// lines returns the lines that hold all of the words.
func (j *journal) lines(words ...string) (found []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
next:
	for line := range strings.Lines(j.text.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		found = append(found, strings.TrimSpace(line))
	}
	return found
}

// A node is a running Node with what it stands on.
type node struct {
	*p2p.Node
	chain *chain.Chain
	pool  *mempool.Pool
	log   *journal
	stop  func()
}

// key returns the i-th identity.
func key(t testing.TB, i int) crypto.PrivKey {
	t.Helper()
	k, err := crypto.UnmarshalEd25519PrivateKey(coretest.Key(i))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// config is that of the i-th node, listening on TCP.
func config(t testing.TB, i int, log *journal) p2p.Config {
	cfg := p2p.DefaultConfig()
	cfg.Key, cfg.Listen, cfg.Agent = key(t, i), []string{tcpLoopback}, fmt.Sprintf("test/%d", i)
	cfg.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	cfg.Exchange.Log, cfg.Syncer.Log, cfg.Gossip.Log = cfg.Log, cfg.Log, cfg.Log
	return cfg
}

// start opens and runs the i-th node on a store in memory until the test ends.
func start(t *testing.T, n *core.Network, i int, edits ...func(*p2p.Config)) *node {
	t.Helper()
	s, err := store.Open("store", n, store.Options{FS: vfs.NewMem(), OnFatal: func(err error) { t.Errorf("store: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	out := &node{log: new(journal)}
	cfg := config(t, i, out.log)
	for _, edit := range edits {
		edit(&cfg)
	}
	chainCfg, poolCfg := chain.DefaultConfig(), mempool.DefaultConfig()
	chainCfg.Log, poolCfg.Log = cfg.Log, cfg.Log
	if out.chain, err = chain.Open(n, s, chainCfg); err != nil {
		t.Fatal(err)
	}
	if out.pool, err = mempool.Open(n, out.chain, s, poolCfg); err != nil {
		t.Fatal(err)
	}
	if out.Node, err = p2p.Open(n, out.chain, out.pool, cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	run := func(f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil {
				t.Errorf("node %d: %v", i, err)
			}
		})
	}
	run(out.pool.Run)
	run(out.Node.Run)
	out.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := out.Close(); err != nil {
			t.Errorf("closing node %d: %v", i, err)
		}
	})
	t.Cleanup(out.stop)
	return out
}

// grow mines blocks on a node's tip.
func (n *node) grow(t *testing.T, network *core.Network, count int) {
	t.Helper()
	if _, err := n.chain.AddBlocks(coretest.Chain(t, network, coretest.Tip(n.chain.Tip()), count, 2)); err != nil {
		t.Fatal(err)
	}
}

// connect joins two nodes and waits until both know it.
func connect(t *testing.T, from, to *node) {
	t.Helper()
	if err := from.Connect(t.Context(), to.Addrs()[0]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both sides know each other", func() bool { return from.knows(to) && to.knows(from) })
}

func (n *node) knows(other *node) bool { return n.peer(other) != nil }

func (n *node) peer(other *node) *p2p.Peer {
	for _, p := range n.Peers() {
		if p.ID == other.ID() {
			return &p
		}
	}
	return nil
}

// eventually waits for what other goroutines will bring about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
