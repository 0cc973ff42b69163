package bootstrap

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

// pingLoop pings every connected peer, each at most once at a time, and closes those that do not answer.
// Without it a dead link is noticed only when TCP or QUIC give up.
func (b *Bootstrap) pingLoop(ctx context.Context) {
	var pings sync.WaitGroup
	defer pings.Wait()
	var mu sync.Mutex // guards busy
	busy := make(map[peer.ID]bool)

	tick := time.NewTicker(b.cfg.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, id := range b.host.Network().Peers() {
			mu.Lock()
			start := !busy[id]
			busy[id] = true
			mu.Unlock()
			if !start {
				continue
			}
			pings.Go(func() {
				b.check(ctx, id)
				mu.Lock()
				delete(busy, id)
				mu.Unlock()
			})
		}
	}
}

// check pings one peer and closes it if it does not answer in time. Any other error is an answer of a
// kind: the peer does not speak the protocol, or has no room for a stream, and so is alive.
func (b *Bootstrap) check(ctx context.Context, id peer.ID) {
	pingCtx, cancel := context.WithTimeout(ctx, b.cfg.PingTimeout)
	defer cancel()
	err := b.ping(pingCtx, id)
	if err == nil || ctx.Err() != nil {
		return
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		b.log.Debug("ping refused", "peer", id, "err", err)
		return
	}
	if b.host.Network().Connectedness(id) == network.NotConnected {
		return
	}
	b.log.Info("peer does not answer, closing", "peer", id, "after", b.cfg.PingTimeout)
	if err := b.host.Network().ClosePeer(id); err != nil {
		b.log.Debug("close of a silent peer", "peer", id, "err", err)
	}
}

// pingOnce sends one ping and waits for its answer or the end of ctx, whose error it then returns.
func pingOnce(ctx context.Context, h host.Host, id peer.ID) error {
	if h.Network().Connectedness(id) == network.NotConnected {
		return network.ErrNoConn
	}
	ctx, cancel := context.WithCancel(network.WithNoDial(ctx, "ping"))
	defer cancel() // ends the goroutine of Ping, which would otherwise go on for ever
	select {
	case r, ok := <-ping.Ping(ctx, h, id):
		if !ok || ctx.Err() != nil {
			return ctx.Err()
		}
		return r.Error
	case <-ctx.Done():
		return ctx.Err()
	}
}
