package gossip

import (
	"context"
	"errors"
	"fmt"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/mempool"
)

const (
	listPage       = 512
	bundlesATurn   = 4                // published together: 1,024 messages or 256 KiB
	republishAfter = 2 * time.Minute  // younger messages were published just now
	announceDelay  = time.Second      // for the miner or the bundle of the block to publish it itself
	retryPause     = 10 * time.Second // after our own store failed
)

// An outlet is a topic to publish on; it is *pubsub.Topic but for tests.
type outlet interface {
	Publish(ctx context.Context, data []byte, opts ...pubsub.PubOpt) error
	ListPeers() []peer.ID
}

// publish bundles our users' messages as they come. A bundle leaves at most once in the time of
// linger, so a lone message leaves at once and many leave together. While nobody listens they stay
// where they are.
//
// What a reorg gave back is new to the other side of the fork: it is published again by its owner,
// forwarded as if it were new, and compared with a few peers at once.
func (g *Gossip) publish(ctx context.Context, topic outlet) error {
	changed, stop := g.pool.Subscribe()
	defer stop()
	p := publisher{Gossip: g, topic: topic, bundles: bundlesATurn}
	for {
		p.returned = false
		more, err := p.turn(ctx, p.first)
		if p.returned {
			g.reconciler.enqueueOldest(maxRounds) // the owner may be gone
		}
		pause := g.cfg.Linger
		if err != nil {
			g.cfg.Log.Error("publishing messages", "err", err)
			more, pause = true, retryPause
		}
		if !sleep(ctx, pause) {
			return nil
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-g.wake:
		}
	}
}

// republish publishes what still waits again, for nodes that missed it.
func (g *Gossip) republish(ctx context.Context, topic outlet) error {
	for sleep(ctx, g.cfg.Republish) {
		limit := uint64(g.cfg.Now().Add(-republishAfter).UnixMilli())
		p := publisher{Gossip: g, topic: topic, bundles: 1}
		for more := true; more; {
			var err error
			more, err = p.turn(ctx, func(w mempool.Waiting) bool { return w.Local && w.AcceptedMS <= limit })
			if err != nil {
				g.cfg.Log.Error("republishing messages", "err", err)
				break
			}
			if !sleep(ctx, g.cfg.Linger) {
				return nil
			}
		}
	}
	return nil
}

// sleep reports whether ctx is still alive afterwards.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// A publisher walks the waiting messages once, in bundles.
type publisher struct {
	*Gossip
	topic   outlet
	bundles int    // a turn
	after   uint64 // sequence number of the last message that was packed
	bundle  bundler

	returned bool // first saw a message that a reorg gave back
}

// first passes messages of our users that begin to wait.
func (p *publisher) first(w mempool.Waiting) bool {
	if w.Again {
		p.returned = true
		p.unspread.add(w.ID) // its owner says it again, and this side of the fork must let it pass
	}
	return w.Local
}

// turn publishes up to a few bundles of the messages that pass, and reports whether there are more.
// Only where there are none, a bundle leaves that is not full.
func (p *publisher) turn(ctx context.Context, pass func(mempool.Waiting) bool) (more bool, err error) {
	if len(p.topic.ListPeers()) == 0 {
		return false, nil
	}
	sent := 0
	for {
		page, err := p.pool.List(p.after, listPage)
		if err != nil {
			return false, fmt.Errorf("listing waiting messages: %w", err)
		}
		for _, w := range page {
			if pass(w) {
				full, err := p.pack(ctx, w.ID)
				if err != nil {
					return false, err
				}
				sent += full
			}
			p.after = w.Seq
			if sent == p.bundles {
				return true, nil
			}
		}
		if len(page) < listPage {
			return false, p.send(ctx)
		}
	}
}

// pack puts a message into the bundle. Where that is full it is sent first; then pack returns 1.
func (p *publisher) pack(ctx context.Context, id core.Hash) (int, error) {
	m, err := p.pool.Message(id)
	if errors.Is(err, chain.ErrNotFound) {
		return 0, nil // sealed meanwhile
	}
	if err != nil {
		return 0, fmt.Errorf("reading waiting message %v: %w", id, err)
	}
	if p.bundle.add(m) {
		return 0, nil
	}
	err = p.send(ctx)
	p.bundle.add(m)
	return 1, err
}

func (p *publisher) send(ctx context.Context) error {
	data := p.bundle.take()
	if data == nil {
		return nil
	}
	if err := p.topic.Publish(ctx, data); err != nil && ctx.Err() == nil {
		return fmt.Errorf("publishing a bundle: %w", err)
	}
	p.tracer.change(func(s *Stats) { s.Messages.Published++ })
	return nil
}

// PublishBlock spreads a block of ours whose header is valid: whole where it is small, else by the
// short ids of its messages. A block that was published or forwarded before is not sent again.
func (g *Gossip) PublishBlock(ctx context.Context, b *core.Block) error {
	return g.spread(ctx, b.Header.Hash(), encodeBlock(b))
}

func (g *Gossip) spread(ctx context.Context, hash core.Hash, data []byte) error {
	_, topic := g.joined()
	if topic == nil {
		return ErrNotRunning
	}
	if !g.forwarded.add(hash) {
		return nil
	}
	if err := topic.Publish(ctx, data); err != nil {
		return fmt.Errorf("publishing block %v: %w", hash, err)
	}
	g.tracer.change(func(s *Stats) { s.Blocks.Published++ })
	return nil
}

// announceTips announces tips that came by other ways than gossip: after two parts of the network
// found each other, the block that wins was gossiped long ago, and on an idle network no other
// follows.
func (g *Gossip) announceTips(ctx context.Context) error {
	changed, stop := g.chain.Subscribe()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
		if !sleep(ctx, announceDelay) {
			return nil
		}
		tip := g.chain.Tip()
		if tip.Hash != g.chain.BestHeader().Hash {
			continue // still fetching: the end of it will poke
		}
		if g.forwarded.has(tip.Hash) {
			continue
		}
		if err := g.spread(ctx, tip.Hash, g.encodeTip(&tip)); err != nil && ctx.Err() == nil {
			g.cfg.Log.Error("announcing the tip", "height", tip.Header.Height, "hash", tip.Hash, "err", err)
		}
	}
}

// encodeTip returns what spreads a tip. The header alone does, too, where the block cannot be read.
func (g *Gossip) encodeTip(tip *chain.Tip) []byte {
	b, err := g.chain.Block(tip.Hash)
	if err != nil {
		g.cfg.Log.Debug("reading the tip", "hash", tip.Hash, "err", err)
		return encodeHeader(&tip.Header)
	}
	return encodeBlock(b)
}
