package bootstrap

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// A fakeExchange knows one introducer, which tells of some hosts; everybody else is a member.
type fakeExchange struct {
	introducer peer.ID
	tells      []peer.AddrInfo
	asked      chan peer.ID
}

func (f *fakeExchange) AskPeers(_ context.Context, from peer.ID) ([]peer.AddrInfo, error) {
	f.asked <- from
	if from != f.introducer {
		return nil, errTest
	}
	return f.tells, nil
}

func (f *fakeExchange) RoleOf(p peer.ID) (member, introducer bool) {
	return p != f.introducer, p == f.introducer
}

func (f *fakeExchange) Subscribe() (<-chan struct{}, func()) { return nil, func() {} }

func infoOfHost(h host.Host) peer.AddrInfo { return peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()} }

// TestVisits follows a node that has an introducer for its only seed: it learns of a peer there, lets the
// introducer go, comes back from time to time, and at once when the peer is gone.
func TestVisits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := mocknet.New()
		defer net.Close()
		var hosts []host.Host
		for range 3 {
			h, err := net.GenPeer()
			if err != nil {
				t.Fatal(err)
			}
			ping.NewPingService(h)
			hosts = append(hosts, h)
		}
		if err := net.LinkAll(); err != nil {
			t.Fatal(err)
		}
		node, introducer, member := hosts[0], hosts[1], hosts[2]
		x := &fakeExchange{introducer: introducer.ID(), tells: []peer.AddrInfo{infoOfHost(member)}, asked: make(chan peer.ID, 100)}
		var log logBuffer
		b, stop := run(t, node, &MemoryBook{}, log.logger(), func(c *Config) {
			c.Seeds, c.WantPeers, c.Exchange = []Seed{seedFor(t, introducer)}, 1, x
		})
		defer stop()
		time.Sleep(visitLasts / 2)
		if !connected(node, introducer.ID()) || !connected(node, member.ID()) || b.Status().Connected != 1 {
			t.Fatalf("status %+v, want the introducer, and the member it told of", b.Status())
		}
		time.Sleep(visitLasts)
		if connected(node, introducer.ID()) || !connected(node, member.ID()) {
			t.Fatal("the introducer stays, or the member does not")
		}
		visits := map[time.Time]bool{}
		for range 240 {
			time.Sleep(30 * time.Second)
			visits[b.Status().Seeds[0].LastTried] = true
		}
		if len(visits) < 6 || len(visits) > 12 {
			t.Errorf("%d visits in two hours, want one about every %v", len(visits), visitEvery)
		}
		if log.count("level=WARN") > 0 || log.count("seed connected") != 1 {
			t.Errorf("visits in the log: %d warnings, %d connections", log.count("level=WARN"), log.count("seed connected"))
		}
		if err := net.UnlinkPeers(node.ID(), member.ID()); err != nil {
			t.Fatal(err)
		}
		if err := net.DisconnectPeers(node.ID(), member.ID()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if !connected(node, introducer.ID()) {
			t.Error("without a peer the introducer is not asked at once")
		}
		stop()
		if first := <-x.asked; first != introducer.ID() {
			t.Errorf("asked %v first, want the introducer", first)
		}
	})
}
