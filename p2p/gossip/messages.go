package gossip

import (
	"errors"
	"slices"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/mempool"
)

// dropVain takes bundles out of an RPC of a peer too much of whose was ignored, before pubsub looks at
// them: it takes for known what it has shown to a validator, and so the peer could keep messages from us
// by being the first to bring them. What it left in is read, whatever was found out about the peer by then.
func (g *Gossip) dropVain(from peer.ID, rpc *pubsub.RPC) {
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pb.Message) bool {
		size := vainSize(m.Data)
		if m.GetTopic() != g.topics.Messages || g.vain.affords(from, size) {
			return false
		}
		g.verdict(from, g.unread(from, size))
		return true
	})
}

// readBundle judges what came on the message topic. Bundles that waited for it with others may bring the peer into debt.
func (g *Gossip) readBundle(from peer.ID, data []byte) pubsub.ValidationResult {
	g.vain.owe(from, vainSize(data))
	return g.read(from, data, g.takeBundle)
}

// weigh judges an announcement, unless too much of its sender's was ignored.
func (g *Gossip) weigh(from peer.ID, data []byte, take func(peer.ID, []byte) error) pubsub.ValidationResult {
	if size := vainSize(data); !g.vain.spend(from, size) {
		return g.verdict(from, g.unread(from, size))
	}
	return g.read(from, data, take)
}

// vainSize is what bytes count that bring nothing. They do so until they brought something: several
// messages of a peer may be judged at a time. Else they were free for a sender: every order of known
// messages is a new id, and costs a look-up for each of them.
func vainSize(data []byte) float64 { return float64(max(len(data), minVain)) }

func (g *Gossip) unread(from peer.ID, size float64) error {
	g.tracer.drop(dropVain, 1)
	return g.guard.unread(from, size)
}

// read judges what its sender was charged for.
func (g *Gossip) read(from peer.ID, data []byte, take func(peer.ID, []byte) error) pubsub.ValidationResult {
	err := take(from, data)
	if errors.Is(err, mempool.ErrFull) || consensus.ClassOf(err) == consensus.Fault {
		g.guard.pardon(from)
		g.vain.forgive(from)
	}
	verdict := g.verdict(from, err)
	if verdict == pubsub.ValidationAccept {
		g.vain.refund(from, vainSize(data))
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
