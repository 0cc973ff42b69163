package bootstrap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
)

// nodeEnv makes the test binary a node of that network instead of running tests.
const nodeEnv = "P2PCHAIN_BOOTSTRAP_TEST_NETWORK"

// pingEnv sets the ping interval of such a node; its ping timeout is twice that.
const pingEnv = "P2PCHAIN_BOOTSTRAP_TEST_PING"

// runNode is a child process of the namespace tests: a host that knows nobody. It writes one line for each
// thing that happens, and ends when its standard input does:
//
//	id PEER, up PEER, down PEER, waits TEXT (nothing is announced), announces ADDRS, stopped
func runNode(in io.Reader, out io.Writer) int {
	say := newSayer(out)
	h, err := libp2p.New(hostOptions(), libp2p.ListenAddrStrings(
		"/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/tcp/0", "/ip6/::/udp/0/quic-v1"))
	if err != nil {
		say("error %v", err)
		return 1
	}
	defer h.Close()
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) { say("up %v", c.RemotePeer()) },
		DisconnectedF: func(n network.Network, c network.Conn) {
			if n.Connectedness(c.RemotePeer()) == network.NotConnected {
				say("down %v", c.RemotePeer())
			}
		},
	})
	cfg := DefaultConfig(os.Getenv(nodeEnv))
	if d, err := time.ParseDuration(os.Getenv(pingEnv)); err == nil {
		cfg.PingEvery, cfg.PingTimeout = d, 2*d
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := New(h, &MemoryBook{}, cfg, log)
	if err != nil {
		say("error %v", err)
		return 1
	}
	say("id %v", h.ID())

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		io.Copy(io.Discard, in)
	}()
	go report(ctx, b, say)
	if err := b.Run(ctx); err != nil {
		say("error %v", err)
		return 1
	}
	say("stopped")
	return 0
}

// report says how the announcement is doing whenever that changes.
func report(ctx context.Context, b *Bootstrap, say func(string, ...any)) {
	last := ""
	for ctx.Err() == nil {
		st := b.Status().MDNS
		now := "announces " + strings.Join(st.Announced, " ")
		if len(st.Announced) == 0 {
			now = "waits " + st.Announce
		}
		if now != last && now != "waits " {
			last = now
			say("%s", now)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func newSayer(out io.Writer) func(string, ...any) {
	var mu sync.Mutex
	return func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, format+"\n", args...)
	}
}

// follow hands every line of r to f until r ends.
func follow(r io.Reader, f func(word, rest string)) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		f(word, rest)
	}
}
