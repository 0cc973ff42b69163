package bootstrap

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(nodeEnv) != "" {
		os.Exit(runNode(os.Stdin, os.Stdout)) // a child process of the network namespace tests
	}
	goleak.VerifyTestMain(m)
}

// newHost makes a host with TCP and QUIC that the test closes at its end.
func newHost(t testing.TB, opts ...libp2p.Option) host.Host {
	t.Helper()
	h, err := libp2p.New(append(opts, hostOptions())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

func hostOptions() libp2p.Option {
	return libp2p.ChainOptions(
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(quic.NewTransport),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
	)
}

func loopback() libp2p.Option { return libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0") }

func newKey(t testing.TB) (crypto.PrivKey, peer.ID) {
	t.Helper()
	key, pub, err := crypto.GenerateEd25519Key(nil)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

// A logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run starts a Bootstrap without multicast and returns a function that ends it and waits for that.
func run(t testing.TB, h host.Host, book Book, log *slog.Logger, edit func(*Config)) (*Bootstrap, func()) {
	t.Helper()
	cfg := testConfig()
	cfg.MDNS = false
	if edit != nil {
		edit(&cfg)
	}
	b, err := New(h, book, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return b, stop
}

// eventually waits for a condition on real hosts; the bound only ends a test that fails.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	within(t, 40*time.Second, what, condition)
}

// within waits for a condition that has to come true in time.
func within(t testing.TB, bound time.Duration, what string, condition func() bool) {
	t.Helper()
	late := time.After(bound)
	for !condition() {
		select {
		case <-late:
			t.Fatalf("not within %v: %s", bound, what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func connected(h host.Host, id peer.ID) bool {
	return h.Network().Connectedness(id) == network.Connected
}

func mustSeed(t testing.TB, text string) Seed {
	t.Helper()
	s, err := ParseSeed(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
