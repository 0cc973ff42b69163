package p2p

import (
	"sync"

	"github.com/libp2p/go-libp2p/core/peer"
)

// maxForeigners bounds the memory of foreigners; beyond it all are forgotten, which at worst repeats
// a line in the log.
const maxForeigners = 1024

// foreigners are the peers of other networks that were met.
type foreigners struct {
	mu  sync.Mutex // guards all
	all map[peer.ID]foreigner
}

// A foreigner is a peer of another network.
type foreigner struct {
	network string // in words
	met     int    // how often
}

// add notes that a peer was met, and reports whether it was not known as one of that network.
func (f *foreigners) add(p peer.ID, network string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil || len(f.all) >= maxForeigners {
		f.all = make(map[peer.ID]foreigner)
	}
	old := f.all[p]
	f.all[p] = foreigner{network, old.met + 1}
	return old.network != network
}

// find returns what is known of a peer; it was never met if nothing is.
func (f *foreigners) find(p peer.ID) foreigner {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.all[p]
}
