package gossip

import (
	"errors"
	"fmt"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
)

// judgeBlock judges what came on the block topic.
func (g *Gossip) judgeBlock(from peer.ID, data []byte) pubsub.ValidationResult {
	take := func(from peer.ID, data []byte) error {
		err := g.takeAnnouncement(from, data)
		if errors.Is(err, consensus.ErrTimeInFuture) {
			g.hold(from, data)
		}
		return err
	}
	if g.mayBeNews(data) {
		return g.verdict(from, take(from, data))
	}
	return g.weigh(from, data, take)
}

// mayBeNews reports whether an announcement has cost somebody work and is of a block that we do not know.
// That is read from anybody: pubsub takes what was ignored once for known, so a peer who sends too much
// could keep a new block from us by being the first to bring it.
func (g *Gossip) mayBeNews(data []byte) bool {
	a, err := decodeAnnouncement(data)
	return err == nil && a.header.Work.Cmp(g.chain.Tip().Header.Work) >= 0 &&
		consensus.CheckPow(g.network, nil, &a.header) == nil && g.chain.State(a.hash) == chain.Unknown
}

// takeAnnouncement takes a header and what came with it of its block. It returns nil where it is to
// be forwarded: the header is valid, was not forwarded before in any form, and its chain has at least
// the work of ours. Nothing is said about the block's messages by then, except that those that came
// whole are the ones that the header binds: to find or judge them takes long, and the header has cost
// somebody its work.
func (g *Gossip) takeAnnouncement(from peer.ID, data []byte) error {
	a, err := decodeAnnouncement(data)
	if err != nil {
		return err
	}
	if err := g.checkWork(from, &a.header); err != nil {
		return err
	}
	switch state := g.chain.State(a.hash); state {
	case chain.Connected, chain.SideBlock, chain.Condemned:
		// A condemned one may come from an honest peer that has not judged its messages yet.
		return errNotForwarded
	}
	if a.header.Work.Cmp(g.chain.Tip().Header.Work) < 0 {
		return errNotForwarded
	}
	n, err := g.chain.AddHeaders([]core.Header{a.header}, core.Work{})
	if err != nil || n == 0 {
		return g.headerRefused(from, &a, err)
	}
	return g.takeBlock(from, &a)
}

// checkWork comes before everything else: it costs one hash, and the sender far more. Where headers
// cost nothing, every peer has a budget of them.
func (g *Gossip) checkWork(from peer.ID, h *core.Header) error {
	if g.network.Params.Pow != core.PowClassic {
		return consensus.CheckPow(g.network, nil, h)
	}
	if !g.headers.spend(from, 1) {
		return fmt.Errorf("too many headers: %w", errNotForwarded)
	}
	parent, err := g.chain.Header(h.PreviousHash)
	if errors.Is(err, chain.ErrNotFound) {
		g.syncer.Announced(from, h)
		return consensus.ErrParentUnknown
	}
	if err != nil {
		return fmt.Errorf("reading the parent of a header: %w", err)
	}
	return consensus.CheckPow(g.network, &parent, h)
}

// headerRefused lets the syncer fetch what lies between the header and our chain.
func (g *Gossip) headerRefused(from peer.ID, a *announcement, err error) error {
	switch {
	case err == nil, errors.Is(err, consensus.ErrParentUnknown), errors.Is(err, chain.ErrLowWork):
		if err := g.guard.orphan(from); err != nil {
			return err
		}
		g.syncer.Announced(from, &a.header)
		return errNotForwarded
	case errors.Is(err, chain.ErrCondemned): // the peer may not have judged the ancestor yet
		return errNotForwarded
	}
	return err
}

// takeBlock hands the block over to be rebuilt, fetched or connected. The header is known to the chain.
func (g *Gossip) takeBlock(from peer.ID, a *announcement) error {
	switch a.kind {
	case kindWhole:
		block, err := a.block(g.network.Genesis)
		if err != nil {
			return err
		}
		if err := consensus.CheckFit(block); err != nil {
			return err
		}
		g.syncer.Announced(from, &a.header)
		g.syncer.Offer(block)
	case kindCompact:
		if !g.rebuilder.add(from, a) {
			g.syncer.Announced(from, &a.header)
		}
	default:
		g.syncer.Announced(from, &a.header)
	}
	if !g.forwarded.add(a.hash) {
		return errNotForwarded
	}
	return nil
}
