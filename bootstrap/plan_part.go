package bootstrap

import (
	"net/netip"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// maxPerPart is how many peers we dial in one part of the public internet, so that whoever owns an
// address block there does not own all of our peers. Peers that come to us and seeds are not refused,
// but those that we dialled count.
const maxPerPart = 2

// partOf returns the part of the public internet that an address is in, an IPv4 /16 or an IPv6 /32,
// or the zero prefix for private addresses and names. An address through a relay is where the relay is.
func partOf(a ma.Multiaddr) netip.Prefix {
	ip, err := manet.ToIP(a)
	if err != nil || !manet.IsPublicAddr(a) {
		return netip.Prefix{}
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Prefix{}
	}
	addr = addr.Unmap()
	bits := 16
	if addr.Is6() {
		bits = 32
	}
	part, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return part
}

// parts counts our outbound peers and dials by the part of the internet that they are in.
func (p *plan) parts() map[netip.Prefix]int {
	count := make(map[netip.Prefix]int)
	for _, s := range p.sighted {
		if s.part.IsValid() {
			count[s.part]++
		}
	}
	for _, c := range p.contacts {
		if c.busy {
			for _, part := range c.dialling {
				count[part]++
			}
		}
	}
	return count
}

// open returns the addresses in parts that have room for one more peer, and these parts. Private
// addresses are always open.
func open(addrs []ma.Multiaddr, count map[netip.Prefix]int) (free []ma.Multiaddr, parts []netip.Prefix) {
	seen := make(map[netip.Prefix]bool)
	for _, a := range addrs {
		part := partOf(a)
		if part.IsValid() && count[part] >= maxPerPart {
			continue
		}
		free = append(free, a)
		if part.IsValid() && !seen[part] {
			seen[part] = true
			parts = append(parts, part)
		}
	}
	return free, parts
}
