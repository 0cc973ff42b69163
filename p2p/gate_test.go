package p2p

import (
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// TestGate lets those through whom neither a ban nor the owner of the node keeps away.
func TestGate(t *testing.T) {
	const open, shut, banned = peer.ID("open"), peer.ID("shut"), peer.ID("banned")
	b := newBans()
	b.add(banned, time.Hour, false)
	for _, tt := range []struct {
		name   string
		allows func(peer.ID) bool
		peer   peer.ID
		want   bool
	}{
		{"no gate", nil, shut, true},
		{"no gate, banned", nil, banned, false},
		{"open", func(p peer.ID) bool { return p != shut }, open, true},
		{"shut", func(p peer.ID) bool { return p != shut }, shut, false},
		{"open, banned", func(p peer.ID) bool { return p != shut }, banned, false},
	} {
		g := gateOf(b, tt.allows)
		if g.InterceptPeerDial(tt.peer) != tt.want {
			t.Errorf("%s: dialled %v", tt.name, !tt.want)
		}
		if g.InterceptSecured(network.DirInbound, tt.peer, nil) != tt.want {
			t.Errorf("%s: let in %v", tt.name, !tt.want)
		}
	}
}
