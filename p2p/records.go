package p2p

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/sync/errgroup"

	"p2pchain/p2p/exchange"
)

const (
	tellEvery  = 5 * time.Second // our addresses, at most, while they keep changing
	tellAtOnce = 8               // peers
)

// OwnRecords are what this node signed of its own addresses: one record with those of the world, for
// everybody, and one with the private ones, for those near it. They are signed again when the
// addresses change.
type ownRecords struct {
	mu     sync.Mutex // guards all
	of     string     // the addresses, as bytes
	signed [exchange.OwnRecords]exchange.Record
}

// get returns the records of these addresses.
func (o *ownRecords) get(key crypto.PrivKey, addrs []ma.Multiaddr, log *slog.Logger) [exchange.OwnRecords]exchange.Record {
	world, near := sortAddrs(addrs)
	o.mu.Lock()
	defer o.mu.Unlock()
	of := join(world) + "|" + join(near)
	if of == o.of {
		return o.signed
	}
	o.of, o.signed = of, [exchange.OwnRecords]exchange.Record{}
	for i, list := range [][]ma.Multiaddr{world, near} {
		if len(list) == 0 {
			continue
		}
		record, err := exchange.Sign(key, list, peer.TimestampSeq())
		if err != nil {
			log.Error("own addresses not signed", "err", err)
			continue
		}
		o.signed[i] = record
	}
	if o.signed[0] == "" { // in a hello they have no places of their own
		o.signed[0], o.signed[1] = o.signed[1], ""
	}
	return o.signed
}

// ownRecords returns our addresses as they are now.
func (n *Node) ownRecords() [exchange.OwnRecords]exchange.Record {
	return n.records.get(n.cfg.Key, n.host.Addrs(), n.log)
}

// sortAddrs returns the public addresses, and the private ones: those of loopback only if there are
// no others.
func sortAddrs(addrs []ma.Multiaddr) (world, near []ma.Multiaddr) {
	var loopback []ma.Multiaddr
	for _, a := range addrs {
		switch realm := exchange.RealmOf(a); {
		case manet.IsIP6LinkLocal(a):
		case realm == exchange.World:
			world = append(world, a)
		case realm == exchange.Home:
			near = append(near, a)
		default:
			loopback = append(loopback, a)
		}
	}
	if len(world)+len(near) == 0 {
		near = loopback
	}
	return world, near
}

func join(addrs []ma.Multiaddr) string {
	text := ""
	for _, a := range addrs {
		text += a.String() + ","
	}
	return text
}

// tellAddresses says hello to all peers when our own addresses have changed, until ctx ends: those who
// introduce us should neither send others where we are not, nor keep quiet of us for want of an address,
// as they would until the next hello after we have found a relay.
func (n *Node) tellAddresses(ctx context.Context) error {
	changes, err := n.host.EventBus().Subscribe(new(event.EvtLocalAddressesUpdated))
	if err != nil {
		return fmt.Errorf("listening for changes of addresses: %w", err)
	}
	defer changes.Close()
	told := n.ownRecords()
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, open := <-changes.Out():
			if !open {
				<-ctx.Done() // the host is closed before its time; others say so
				return nil
			}
		}
		now := n.ownRecords()
		if now == told {
			continue
		}
		told = now
		n.helloAll(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(tellEvery):
		}
	}
}

// helloAll says hello to every peer that is past it, whatever comes of it: the next one is due soon.
func (n *Node) helloAll(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(tellAtOnce)
	for _, p := range n.table.readyIDs() {
		g.Go(func() error {
			if err := n.helloOnce(ctx, p, n.Self(), helloTimeout); err != nil {
				n.log.Debug("new addresses not told", "peer", p, "err", err)
			}
			return nil
		})
	}
	g.Wait() // its functions return no errors
}
