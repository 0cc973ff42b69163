package node

import (
	"cmp"
	"slices"
	"strings"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"p2pchain/bootstrap"
)

// The classes of addresses, the best first.
const (
	classAnnounced = iota
	classPublic    // a public IP address or a name
	classRelayed
	classPrivate
	classLink    // of one cable, where nobody gave out others
	classLocal   // reaches this machine only
	classUseless // reaches nobody from elsewhere
)

// chooseAddrs sorts addresses by how probably another machine reaches them, one transport after the
// other, and leaves out those that none does. Only where nothing else is left it returns those that
// work on this machine, and says so.
func chooseAddrs(addrs, announced []string) (chosen []string, local bool) {
	type candidate struct {
		addr             string
		class, transport int
	}
	var all []candidate
	for _, addr := range addrs {
		transport, _, _ := strings.Cut(addr, "/p2p/")
		class := classOf(addr)
		if slices.Contains(announced, addr) || slices.Contains(announced, transport) {
			class = classAnnounced
		}
		if class < classUseless {
			all = append(all, candidate{addr, class, transportRank(addr)})
		}
	}
	// WebSocket is for those that speak nothing else, and a link for people has no room for it.
	plain := func(c candidate) bool { return c.transport < rankWebSocket || c.class == classAnnounced }
	if slices.ContainsFunc(all, plain) {
		all = slices.DeleteFunc(all, func(c candidate) bool { return !plain(c) })
	}
	local = !slices.ContainsFunc(all, func(c candidate) bool { return c.class < classLocal })
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.transport, b.transport), cmp.Compare(familyRank(a.addr), familyRank(b.addr)))
	})
	for _, c := range all {
		if c.class < classLocal || local {
			chosen = append(chosen, c.addr)
		}
	}
	return chosen, local
}

func classOf(addr string) int {
	a, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return classUseless
	}
	if _, err := bootstrap.ParseSeed(addr); err != nil {
		return classUseless
	}
	_, notIP := manet.ToIP(a)
	switch {
	case strings.Contains(addr, "/p2p-circuit"):
		return classRelayed
	case manet.IsIPLoopback(a):
		return classLocal
	case manet.IsIP6LinkLocal(a):
		return classUseless // means nothing without the name of an interface
	case strings.HasPrefix(addr, "/ip4/169.254."):
		return classLink
	case notIP != nil || manet.IsPublicAddr(a):
		return classPublic
	}
	return classPrivate
}

const rankWebSocket = 2

// transportRank prefers what works most often.
func transportRank(addr string) int {
	switch {
	case strings.Contains(addr, "/ws"):
		return rankWebSocket
	case strings.Contains(addr, "/udp/"):
		return 1
	}
	return 0
}

// familyRank prefers IPv4, which more machines have.
func familyRank(addr string) int {
	if strings.HasPrefix(addr, "/ip6") {
		return 1
	}
	return 0
}

// IsLocal reports whether a multiaddr leads to this machine only, wherever it is read.
func IsLocal(addr string) bool {
	a, err := multiaddr.NewMultiaddr(addr)
	return err == nil && manet.IsIPLoopback(a)
}
