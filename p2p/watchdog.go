package p2p

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/p2p/exchange"
)

// lostRest is how long a peer is left alone after it was let go for its silence: one that will never
// take part in the topics still answers requests.
const lostRest = 5 * time.Minute

// watchPeers looks at the peers from time to time, for what no event tells.
func (n *Node) watchPeers(ctx context.Context) error {
	lost, worries := absences{grace: n.cfg.GossipGrace}, worries{grace: n.cfg.GossipGrace}
	ticker := time.NewTicker(n.cfg.GossipGrace / 6)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		n.letLostGo(&lost)
		n.worry(&worries, time.Now())
	}
}

// letLostGo lets peers go that are past hello and take no part in gossip. Pubsub gives a peer up after
// a few broken streams and takes it back only with a new connection, which whoever dialled it makes.
func (n *Node) letLostGo(lost *absences) {
	members, ok := n.gossip.Members()
	if !ok {
		return
	}
	for _, p := range lost.look(n.table.Ready(), members, time.Now()) {
		n.seen(func(w *Watchdogs) { w.Lost++ })
		n.log.Info("peer takes no part in gossip, closing", "peer", p)
		n.letGo(p, 0)
	}
}

// Absences tell which peers are lost to gossip. One goroutine uses them.
type absences struct {
	grace time.Duration
	since map[peer.ID]absence
	let   map[peer.ID]time.Time // when a peer was found lost
}

// An absence is the time since which a peer was missing at every look, in one session.
type absence struct {
	session uint64
	from    time.Time
}

// look returns the peers that were ready and no members for all of the grace. None is returned twice
// within lostRest.
func (a *absences) look(ready []exchange.Remote, members map[peer.ID]bool, now time.Time) (lost []peer.ID) {
	since, let := make(map[peer.ID]absence), make(map[peer.ID]time.Time)
	for p, at := range a.let {
		if now.Sub(at) < lostRest {
			let[p] = at
		}
	}
	for _, r := range ready {
		if members[r.ID] {
			continue
		}
		seen, ok := a.since[r.ID]
		if !ok || seen.session != r.Session {
			seen = absence{r.Session, now}
		}
		since[r.ID] = seen
		if _, rests := let[r.ID]; !rests && now.Sub(seen.from) >= a.grace {
			lost = append(lost, r.ID)
			let[r.ID] = now
		}
	}
	a.since, a.let = since, let
	return lost
}
