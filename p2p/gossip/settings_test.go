package gossip

import (
	"net"
	"testing"

	"p2pchain/core/coretest"
)

// TestRoomBehindOneAddress is 25 nodes, each counted twice while it connects anew, that share a public
// address: nobody loses score. Addresses that are no customer's are not counted at all.
func TestRoomBehindOneAddress(t *testing.T) {
	p := newDesk(t, coretest.Network(t)).scoring()
	if surplus := max(0, 50-p.IPColocationFactorThreshold); surplus > 0 {
		t.Errorf("each of 50 peers behind one address scores %v", p.IPColocationFactorWeight*float64(surplus*surplus))
	}
	for _, ip := range []string{"127.0.0.1", "10.0.0.1", "192.168.1.1", "100.64.0.9", "::1", "fd00::1"} {
		counted := true
		for _, free := range p.IPColocationFactorWhitelist {
			counted = counted && !free.Contains(net.ParseIP(ip))
		}
		if counted {
			t.Errorf("peers on %s are counted", ip)
		}
	}
}
