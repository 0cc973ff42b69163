package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/p2p/exchange"
)

// Watchdogs count what the watchdogs saw since the start. Each of them also leaves a line in the log.
type Watchdogs struct {
	Lost   uint64 // peers that were let go since they took no part in gossip
	Alone  uint64 // times that there was no peer for a while
	Behind uint64 // times that peers claimed more work for a while and ours did not grow
}

// Watchdogs returns the counters.
func (n *Node) Watchdogs() Watchdogs {
	n.watched.Lock()
	defer n.watched.Unlock()
	return n.watchdogs
}

// seen changes the counters.
func (n *Node) seen(f func(*Watchdogs)) {
	n.watched.Lock()
	defer n.watched.Unlock()
	f(&n.watchdogs)
}

// worry says that the node is alone, and that it is not any more: finding peers is for others, but the
// operator should know. Peers that claim more work are asked again, whatever became of the questions
// before: a claim that does not change would not be looked at twice.
func (n *Node) worry(w *worries, now time.Time) {
	tip := n.chain.Tip()
	found := w.look(n.table.Ready(), tip.Header.Work, now)
	switch {
	case found.alone:
		n.seen(func(d *Watchdogs) { d.Alone++ })
		n.log.Info("no peers: what is written here stays here until one comes", "for", now.Sub(w.met).Round(time.Second))
	case found.company:
		n.log.Info("there are peers again")
	}
	if len(found.ahead) == 0 {
		return
	}
	n.seen(func(d *Watchdogs) { d.Behind++ })
	n.log.Warn("peers claim more work and none came, asking again", "peers", len(found.ahead), "height", tip.Header.Height)
	for _, p := range found.ahead {
		n.syncer.Poke(p)
	}
}

// Worries tell what is wrong with the node's place in the network. One goroutine uses them.
type worries struct {
	grace time.Duration
	began time.Time // the first look

	met   time.Time // when there was a peer at last
	alone bool      // it was said that there is none
	work  core.Work // of our tip at the last look
	grown time.Time // when that changed, nobody claimed more, or peers were asked again
}

// A finding is what a look finds.
type finding struct {
	alone   bool // for all of the grace there was no peer; said once
	company bool // there is one again
	ahead   []peer.ID
}

// look compares the peers' claims with the work of our tip.
func (w *worries) look(ready []exchange.Remote, work core.Work, now time.Time) (f finding) {
	if w.began.IsZero() {
		w.began, w.met, w.grown = now, now, now
	}
	if len(ready) > 0 {
		w.met = now
	}
	switch lonely := now.Sub(w.met) >= w.grace; {
	case lonely && !w.alone:
		w.alone, f.alone = true, true
	case w.alone && len(ready) > 0:
		w.alone, f.company = false, true
	}
	var ahead []peer.ID
	for _, r := range ready {
		if r.Hello.Work.Cmp(work) > 0 {
			ahead = append(ahead, r.ID)
		}
	}
	if len(ahead) == 0 || work != w.work {
		w.work, w.grown = work, now
	}
	if now.Sub(w.grown) >= w.grace {
		w.grown, f.ahead = now, ahead
	}
	return f
}
