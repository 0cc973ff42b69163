package node

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"p2pchain/core"
)

// Dir returns the data directory.
func (n *Node) Dir() string { return n.cfg.Dir }

// Network returns the network whose chain the node keeps.
func (n *Node) Network() *core.Network { return n.cfg.Network }

// ID returns the peer id.
func (n *Node) ID() string { return n.key.PeerID }

// Addrs returns the multiaddrs under which peers reach the node, each with its peer id.
func (n *Node) Addrs() []string { return n.p2p.Addrs() }

// Notes returns what the user should know about how the node started, in sentences.
func (n *Node) Notes() []string { return slices.Clone(n.notes) }

// API returns the URL of the API, empty where it is off. An API on all addresses is shown by its
// loopback one.
func (n *Node) API() string {
	if n.listener == nil {
		return ""
	}
	addr, err := netip.ParseAddrPort(n.listener.Addr().String())
	if err != nil {
		return "http://" + n.listener.Addr().String()
	}
	host := addr.Addr().Unmap()
	if host.IsUnspecified() { // the unspecified IPv6 address takes IPv4 too
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return "http://" + netip.AddrPortFrom(host, addr.Port()).String()
}

// JoinAddr returns the address that another machine most probably reaches, empty where there is none.
func (n *Node) JoinAddr() string { return joinAddr(n.Addrs()) }

// joinAddr picks an address: not of loopback or of one link if there is another, IPv4 before IPv6,
// plain TCP before the rest.
func joinAddr(addrs []string) string {
	best, bestRank := "", -1
	for _, addr := range addrs {
		if rank := reachRank(addr); rank > bestRank {
			best, bestRank = addr, rank
		}
	}
	return best
}

func reachRank(addr string) int {
	a, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return 0
	}
	rank := 0
	if ip, err := manet.ToIP(a); err == nil {
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			rank += 4
		}
		if ip.To4() != nil {
			rank += 2
		}
	} else {
		rank += 6 // a name was chosen by somebody for others
	}
	if strings.Contains(addr, "/tcp/") && !strings.Contains(addr, "/ws") {
		rank++
	}
	return rank
}

// isLoopback reports whether only this machine reaches a listener.
func isLoopback(addr net.Addr) bool {
	a, err := netip.ParseAddrPort(addr.String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}
