package gossip

import (
	"context"
	"errors"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

// judgeBundle is the validator of the message topic.
func (g *Gossip) judgeBundle(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
	if from == g.host.ID() {
		return pubsub.ValidationAccept
	}
	if !g.begin() {
		return pubsub.ValidationIgnore
	}
	defer g.verdicts.Done()
	return g.weigh(from, m.Data, g.takeBundle)
}

// weigh judges what came on a topic, unless too much of its sender's was ignored. That is free for a
// sender otherwise: every order of known messages is a new id, and costs a look-up for each of them.
func (g *Gossip) weigh(from peer.ID, data []byte, take func(peer.ID, []byte) error) pubsub.ValidationResult {
	// Bytes count as vain until they are not: several messages of a peer may be judged at a time.
	size := float64(max(len(data), minVain))
	if !g.vain.spend(from, size) {
		g.tracer.drop(dropVain, 1)
		return g.verdict(from, g.guard.unread(from, size))
	}
	err := take(from, data)
	if errors.Is(err, mempool.ErrFull) || consensus.ClassOf(err) == consensus.Fault {
		g.guard.pardon(from)
	}
	verdict := g.verdict(from, err)
	if verdict == pubsub.ValidationAccept {
		g.vain.refund(from, size)
	}
	return verdict
}

// errNotForwarded means that there is nothing wrong with what came and nothing in it for others.
var errNotForwarded = consensus.NewRefusal("not worth forwarding", consensus.Undecided)

// verdict maps an error to what pubsub does about it.
func (g *Gossip) verdict(from peer.ID, err error) pubsub.ValidationResult {
	switch {
	case err == nil:
		return pubsub.ValidationAccept
	case errors.Is(err, ErrFlood):
		// The sender goes, but what it sent may be news that others bring, too: pubsub takes points off
		// everybody who brings what was rejected.
		g.peers.Punish(from, err)
		return pubsub.ValidationIgnore
	case consensus.ClassOf(err) == consensus.Broken:
		g.peers.Punish(from, err)
		return pubsub.ValidationReject
	case consensus.ClassOf(err) == consensus.Fault:
		g.cfg.Log.Error("judging gossip", "peer", from, "err", err)
	}
	return pubsub.ValidationIgnore
}

// takeBundle takes the new messages of a bundle. It returns nil where the bundle is to be forwarded:
// at least half of it is new here, or was never forwarded, and all of it is valid.
func (g *Gossip) takeBundle(from peer.ID, data []byte) error {
	msgs, err := decodeBundle(g.network.Genesis, data)
	if err != nil {
		return err
	}
	taken, known, err := g.take(msgs, from)
	if err != nil {
		return err
	}
	unspread := 0
	for _, m := range known {
		if g.unspread.has(m.ID) {
			unspread++
		}
	}
	if 2*(len(taken)+unspread) < len(msgs) {
		for _, m := range taken {
			g.unspread.add(m.ID)
		}
		return errNotForwarded
	}
	if err := g.checkKnown(known); err != nil {
		return err
	}
	for _, m := range known {
		g.unspread.remove(m.ID)
	}
	return nil
}

// take adds messages to the pool, which looks for their ids before it looks at signatures. It returns
// those that were new, and those that were known. A broken rule outweighs everything else; after any
// error the bundle was not judged in full.
func (g *Gossip) take(msgs []*core.Message, from peer.ID) (taken, known []*core.Message, worst error) {
	for i, err := range g.pool.Add(msgs, mempool.Origin{Peer: from.String()}) {
		switch {
		case err == nil:
			taken = append(taken, msgs[i])
		case errors.Is(err, mempool.ErrKnown):
			known = append(known, msgs[i])
		case worst == nil || consensus.ClassOf(err) == consensus.Broken:
			worst = err
		}
	}
	g.tracer.change(func(s *Stats) { s.Taken += uint64(len(taken)) })
	return taken, known, worst
}

// checkKnown judges messages whose ids are known already, before they are forwarded with the others.
// The id binds the envelope only: another signature or body would get us punished by whoever does
// not know the message yet.
func (g *Gossip) checkKnown(msgs []*core.Message) error {
	var unsure []*core.Message
	for _, m := range msgs {
		if err := m.CheckBody(); err != nil {
			return err
		}
		ours, err := g.pool.Message(m.ID)
		if err != nil || ours.Signature != m.Signature { // sealed; or signed twice by its author
			unsure = append(unsure, m)
		}
	}
	return consensus.CheckSignatures(unsure)
}
