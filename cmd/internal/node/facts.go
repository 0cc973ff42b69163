package node

import (
	"net"
	"net/netip"
	"slices"

	"p2pchain/api"
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

// Sync says how far the node is behind its peers.
func (n *Node) Sync() api.Sync { return syncOf(n.p2p.Sync()) }

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
	if n.listener.Addr().Network() == "unix" {
		return UnixScheme + n.listener.Addr().String()
	}
	addr, err := netip.ParseAddrPort(n.listener.Addr().String())
	if err != nil {
		return n.scheme() + n.listener.Addr().String()
	}
	host := addr.Addr().Unmap()
	if host.IsUnspecified() {
		host = all
	}
	return n.scheme() + netip.AddrPortFrom(host, addr.Port()).String()
}

func (n *Node) scheme() string {
	if n.cert != "" {
		return "https://"
	}
	return "http://"
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

// isLocal reports whether only this machine reaches a listener.
func isLocal(addr net.Addr) bool {
	if addr.Network() == "unix" {
		return true
	}
	a, err := netip.ParseAddrPort(addr.String())
	return err == nil && a.Addr().Unmap().IsLoopback()
}
