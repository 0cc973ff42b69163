package p2p

import (
	"math"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// maxBans bounds the memory of bans. Beyond it the one that ends first goes.
const maxBans = 1024

const (
	// What a broken rule and a stall cost a peer of its score in gossip, and how fast that is forgotten.
	brokenPoints, stallPoints = 60, 10
	blameHalfLife             = 10 * time.Minute
	// blameOnce is for how long a peer is not blamed again for the same kind of fault.
	blameOnce = time.Second
)

// bans are the peers to have nothing to do with for a while, and what they did. They are the host's
// connection gater.
type bans struct {
	mu     sync.Mutex // guards what is below
	bans   map[peer.ID]ban
	blames map[peer.ID]blame
}

// A blame is what a peer did lately.
type blame struct {
	points float64
	at     time.Time
	broken bool // the last fault was a broken rule
}

func (b blame) left(now time.Time) float64 {
	return b.points * math.Exp2(-now.Sub(b.at).Seconds()/blameHalfLife.Seconds())
}

// A ban keeps us from dialling a peer and, unless it may come, the peer from connecting to us.
type ban struct {
	until   time.Time
	mayCome bool
}

func newBans() *bans { return &bans{bans: make(map[peer.ID]ban), blames: make(map[peer.ID]blame)} }

// blame notes a fault of a peer. It is false if the same was noted just before.
func (b *bans) blame(p peer.ID, broken bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	old, known := b.blames[p]
	if known && (old.broken || !broken) && now.Sub(old.at) < blameOnce {
		return false
	}
	points := old.left(now) + stallPoints
	if broken {
		points = old.left(now) + brokenPoints
	}
	b.blames[p] = blame{points, now, broken}
	if len(b.blames) > maxBans {
		least := p
		for id, other := range b.blames {
			if other.left(now) < b.blames[least].left(now) {
				least = id
			}
		}
		delete(b.blames, least)
	}
	return true
}

// score is what the rest of the node thinks of a peer, for gossip: 0, or less.
func (b *bans) score(p peer.ID) float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return -b.blames[p].left(time.Now())
}

// add bans a peer for a while.
func (b *bans) add(p peer.ID, length time.Duration, mayCome bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bans[p] = ban{time.Now().Add(length), mayCome}
	if len(b.bans) <= maxBans {
		return
	}
	first := p
	for id := range b.bans {
		if b.bans[id].until.Before(b.bans[first].until) {
			first = id
		}
	}
	delete(b.bans, first)
}

// lift ends a ban.
func (b *bans) lift(p peer.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.bans, p)
}

// find returns the ban of a peer, if there is one.
func (b *bans) find(p peer.ID) (ban, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, banned := b.bans[p]
	if banned && !time.Now().Before(found.until) {
		delete(b.bans, p)
		return ban{}, false
	}
	return found, banned
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (b *bans) InterceptPeerDial(p peer.ID) bool {
	_, banned := b.find(p)
	return !banned
}

// InterceptAddrDial implements connmgr.ConnectionGater.
func (b *bans) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (b *bans) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater: from here on it is known who it is.
func (b *bans) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	found, banned := b.find(p)
	return !banned || found.mayCome
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (b *bans) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
