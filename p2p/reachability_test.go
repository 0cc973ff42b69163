package p2p

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	ma "github.com/multiformats/go-multiaddr"
)

// A busHost is a host of which only the event bus and the addresses matter.
type busHost struct {
	host.Host
	bus   event.Bus
	addrs []ma.Multiaddr
}

func (h *busHost) EventBus() event.Bus   { return h.bus }
func (h *busHost) Addrs() []ma.Multiaddr { return h.addrs }

// TestReachability follows a node from its start, behind a router, to a forwarded port.
func TestReachability(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr := ma.StringCast("/ip4/192.0.2.7/tcp/1")
		h := &busHost{bus: eventbus.NewBus(), addrs: []ma.Multiaddr{addr}}
		n := &Node{host: h}
		emitter, err := h.bus.Emitter(new(event.EvtHostReachableAddrsChanged), eventbus.Stateful)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.watchReach(ctx) }()
		one := []ma.Multiaddr{addr}
		expect := func(want Reachability) {
			t.Helper()
			synctest.Wait()
			if got := n.Reachability(); got != want {
				t.Errorf("Reachability = %s, want %s", got, want)
			}
		}
		emit := func(e event.EvtHostReachableAddrsChanged) {
			if err := emitter.Emit(e); err != nil {
				t.Fatal(err)
			}
		}
		expect(ReachUnknown)
		emit(event.EvtHostReachableAddrsChanged{Unreachable: one, Unknown: one})
		expect(ReachUnknown)
		emit(event.EvtHostReachableAddrsChanged{Unreachable: one})
		expect(ReachPrivate)
		h.addrs = append(h.addrs, ma.StringCast("/ip4/192.0.2.9/tcp/1/p2p/12D3KooWGKhTktda1qkes8M4h5LUeVMe56NE8NRke5Y2vDXpz6mn/p2p-circuit"))
		expect(ReachRelayed)
		emit(event.EvtHostReachableAddrsChanged{Reachable: one, Unreachable: one})
		expect(ReachPublic)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		emitter.Close()
	})
}
