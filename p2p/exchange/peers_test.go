package exchange_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// A directory is a fake of what an introducer knows.
type directory struct {
	mu      sync.Mutex // guards the questions
	asker   peer.ID
	from    exchange.Realm
	limit   int
	records []exchange.Record
}

func (d *directory) Records(asker peer.ID, from exchange.Realm, limit int) []exchange.Record {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asker, d.from, d.limit = asker, from, limit
	return d.records
}

// introducer runs one on a host until the test ends, and returns a client of a host that is connected.
func introducer(t *testing.T, n *core.Network, d exchange.Directory, patience time.Duration) (host.Host, host.Host, *exchange.Client) {
	t.Helper()
	cfg := exchange.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	server, asker := newHost(t, loopback), newHost(t, loopback)
	client, err := exchange.NewClient(asker, n, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.FrameTimeout = patience
	known := &peers{greeted: make(map[peer.ID]exchange.Hello), punished: make(chan error, 64)}
	known.self = exchange.Hello{Genesis: n.Genesis, Network: n.Params.Name, Tip: n.Genesis, Introducer: true,
		Records: [2]exchange.Record{"a", "b"}}
	s, err := exchange.NewIntroducer(server, n, known, d, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Errorf("introducer: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
	for !hasProtocol(server, exchange.ProtocolsOf(n).Peers) {
		time.Sleep(time.Millisecond) // until Run has registered all
	}
	join(t, asker, server)
	return server, asker, client
}

// TestIntroducerAnswers says what it is, tells what its directory has, and answers nothing else.
func TestIntroducerAnswers(t *testing.T) {
	n := coretest.Network(t)
	other := newHost(t, loopback)
	record, err := exchange.Sign(other.Peerstore().PrivKey(other.ID()), other.Addrs(), 1)
	if err != nil {
		t.Fatal(err)
	}
	d := &directory{records: []exchange.Record{record}}
	server, asker, client := introducer(t, n, d, 10*time.Second)
	h, _, err := client.Hello(t.Context(), server.ID(), exchange.Hello{Genesis: n.Genesis, Network: n.Params.Name})
	if err != nil || !h.Introducer || h.Records != [2]exchange.Record{"a", "b"} {
		t.Errorf("hello %+v, %v", h, err)
	}
	found, err := client.Peers(t.Context(), server.ID(), 1000)
	if err != nil || len(found) != 1 || found[0].ID != other.ID() || found[0].Addrs[0].String() != other.Addrs()[0].String() {
		t.Errorf("peers %v, %v", found, err)
	}
	if d.asker != asker.ID() || d.from != exchange.Machine || d.limit != exchange.MaxPeers {
		t.Errorf("the directory was asked for %d by %v from realm %d", d.limit, d.asker, d.from)
	}
	if _, err := client.Headers(t.Context(), server.ID(), nil, 1); !errors.Is(err, exchange.ErrTransport) {
		t.Errorf("headers of an introducer: %v, want ErrTransport", err)
	}
}

// TestAskingForPeersTooOften answers eight at once and no more.
func TestAskingForPeersTooOften(t *testing.T) {
	server, _, client := introducer(t, coretest.Network(t), &directory{}, time.Second)
	answered, began := 0, time.Now()
	for range 20 {
		if _, err := client.Peers(t.Context(), server.ID(), 5); err == nil {
			answered++
		}
	}
	if more := 1 + int(time.Since(began)/(2*time.Second)); answered < 8 || answered > 8+more {
		t.Errorf("%d of 20 answered, want 8 and one for every 2 s since", answered)
	}
}
