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

// API returns the URL of the API for this machine, empty where it is off. An API on all addresses has
// its loopback one there.
func (n *Node) API() string {
	return n.apiAt(netip.AddrFrom4([4]byte{127, 0, 0, 1})) // the unspecified IPv6 address takes IPv4 too
}

// SharedAPI is API for everybody: an API on all addresses has there the first one that other machines
// reach, if there is any.
func (n *Node) SharedAPI() string {
	if n.listener == nil {
		return ""
	}
	bound, _ := netip.ParseAddrPort(n.listener.Addr().String())
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return n.API()
	}
	if host, ok := firstShared(addrs, bound.Addr().Is4()); ok {
		return n.apiAt(host)
	}
	return n.API()
}

// apiAt returns the URL of the API, on a host that stands for all addresses.
func (n *Node) apiAt(all netip.Addr) string {
	if n.listener == nil {
		return ""
	}
	addr, err := netip.ParseAddrPort(n.listener.Addr().String())
	if err != nil {
		return "http://" + n.listener.Addr().String()
	}
	host := addr.Addr().Unmap()
	if host.IsUnspecified() {
		host = all
	}
	return "http://" + netip.AddrPortFrom(host, addr.Port()).String()
}

// firstShared returns the first address that other machines may reach, IPv4 before IPv6.
func firstShared(addrs []net.Addr, only4 bool) (netip.Addr, bool) {
	var found netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		host := prefix.Addr().Unmap()
		if err != nil || host.IsLoopback() || host.IsLinkLocalUnicast() {
			continue
		}
		if host.Is4() {
			return host, true
		}
		if !found.IsValid() && !only4 {
			found = host
		}
	}
	return found, found.IsValid()
}

// IsEmpty reports whether the chain has nothing but its first block.
func (n *Node) IsEmpty() bool { return n.chain.Tip().Header.Height == 0 }

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

// IsLocal reports whether a multiaddr leads to this machine only, wherever it is read.
func IsLocal(addr string) bool {
	a, err := multiaddr.NewMultiaddr(addr)
	return err == nil && manet.IsIPLoopback(a)
}

// isLoopback reports whether only this machine reaches a listener.
func isLoopback(addr net.Addr) bool {
	a, err := netip.ParseAddrPort(addr.String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}
