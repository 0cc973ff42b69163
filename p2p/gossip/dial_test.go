package gossip

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"p2pchain/core/coretest"
)

// A parting host lets every peer go just before a stream to it is opened.
type parting struct {
	host.Host
	tried chan error
}

func (p *parting) NewStream(ctx context.Context, id peer.ID, ids ...protocol.ID) (network.Stream, error) {
	p.Network().ClosePeer(id)
	s, err := p.Host.NewStream(ctx, id, ids...)
	p.tried <- err
	return s, err
}

// Who was let go a moment ago is not dialled for the sake of gossip.
func TestGossipDoesNotDial(t *testing.T) {
	hosts := make([]host.Host, 2)
	for i := range hosts {
		h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics(), libp2p.DisableRelay())
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		hosts[i] = h
	}
	hosts[1].SetStreamHandler(pubsub.GossipSubID_v12, func(s network.Stream) { s.Reset() })
	d := newDesk(t, coretest.Network(t))
	us := &parting{hosts[0], make(chan error, 16)}
	d.Gossip.host = us
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.Gossip.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	defer func() { cancel(); running.Wait() }()
	if err := hosts[0].Connect(ctx, peer.AddrInfo{ID: hosts[1].ID(), Addrs: hosts[1].Addrs()}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-us.tried:
		if err == nil {
			t.Error("a peer that was let go was dialled again")
		}
	case <-time.After(5 * time.Second):
		t.Error("no stream was opened: this tests nothing")
	}
}

// TestRunEndsBeforeItBegan ends gossip while it joins its topics, which is no error.
func TestRunEndsBeforeItBegan(t *testing.T) {
	h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	d := newDesk(t, coretest.Network(t))
	d.Gossip.host = h
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Gossip.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
}
