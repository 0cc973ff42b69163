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

// bans are the peers that are not let in for a while. They are the host's connection gater.
type bans struct {
	mu    sync.Mutex // guards until
	until map[peer.ID]time.Time
}

func newBans() *bans { return &bans{until: make(map[peer.ID]time.Time)} }

// add keeps a peer out for a while.
func (b *bans) add(p peer.ID, now time.Time, length time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until[p] = now.Add(length)
	if len(b.until) <= maxBans {
		return
	}
	first := p
	for id, at := range b.until {
		if at.Before(b.until[first]) {
			first = id
		}
	}
	delete(b.until, first)
}

// lift lets a peer in again.
func (b *bans) lift(p peer.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.until, p)
}

func (b *bans) free(p peer.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, banned := b.until[p]
	if banned && !time.Now().Before(at) {
		delete(b.until, p)
		return true
	}
	return !banned
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (b *bans) InterceptPeerDial(p peer.ID) bool { return b.free(p) }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (b *bans) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (b *bans) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater: from here on it is known who it is.
func (b *bans) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return b.free(p)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (b *bans) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
