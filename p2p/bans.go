package p2p

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// maxBans bounds the memory of bans. Beyond it the one that ends first goes.
const maxBans = 1024

// bans are the peers to have nothing to do with for a while. They are the host's connection gater.
type bans struct {
	mu   sync.Mutex // guards bans
	bans map[peer.ID]ban
}

// A ban keeps us from dialling a peer and, unless it may come, the peer from connecting to us.
type ban struct {
	until   time.Time
	mayCome bool
}

func newBans() *bans { return &bans{bans: make(map[peer.ID]ban)} }

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
