package gossip

import (
	"context"
	"slices"

	"p2pchain/core"
)

// ReconcileOnce begins a round with the peer that was asked the longest ago.
func ReconcileOnce(g *Gossip) { g.reconciler.enqueueOldest(1) }

// Reconciling reports whether a round is in progress, or waits for its turn.
func Reconciling(g *Gossip) bool {
	r := g.reconciler
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue) > 0 || slices.ContainsFunc(r.peers, func(p *reconciled) bool { return p.busy })
}

// Bundle packs messages into one bundle, for tests of whole nodes.
func Bundle(msgs ...*core.Message) []byte {
	var b bundler
	for _, m := range msgs {
		b.add(m)
	}
	return b.take()
}

// PublishHeader spreads a block by its header alone, as all large blocks were once.
func (g *Gossip) PublishHeader(ctx context.Context, b *core.Block) error {
	return g.spread(ctx, b.Header.Hash(), encodeHeader(&b.Header))
}

// MadeUp is the announcement of a block by short ids that are not those of its messages.
func MadeUp(b *core.Block, by byte) []byte {
	data := encodeCompact(b)
	for i := 1 + core.HeaderSize; i < len(data); i++ {
		data[i] ^= by
	}
	return data
}
