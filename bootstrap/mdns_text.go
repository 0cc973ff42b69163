package bootstrap

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	// txtPrefix is what libp2p's specification of mDNS puts before each multiaddr.
	txtPrefix = "dnsaddr="
	maxTXT    = 255 // bytes of one string, by RFC 1035

	// maxTXTBytes bounds all strings together, so that a whole announcement, with about 300 bytes around
	// them, fits into one packet of the smallest MTU that IPv6 allows.
	maxTXTBytes = 900

	maxTXTStrings = 64 // read of one announcement
)

var errNothingToAnnounce = errors.New("no listen address that others on the local network could dial")

// An announcement is what the responder says.
type announcement struct {
	port  int      // DNS-SD wants one; readers take it from the texts
	ips   []string // one of each IP version, for the A and AAAA records that DNS-SD wants
	texts []string
	addrs []string // of the texts, for people
}

// announcementOf chooses from the listen addresses: plain TCP and QUIC first, IPv4 before IPv6, as many
// as fit.
func announcementOf(self peer.ID, listen []ma.Multiaddr) (announcement, error) {
	var a announcement
	addrs := preferFar(dialable(self, listen, checkIPAddr))
	slices.SortStableFunc(addrs, func(x, y ma.Multiaddr) int {
		return cmp.Or(cmp.Compare(exotic(x), exotic(y)), cmp.Compare(x[0].Code(), y[0].Code()))
	})
	size, families := 0, map[int]bool{}
	for _, addr := range addrs {
		full := addr.String() + "/p2p/" + self.String()
		text := txtPrefix + full
		if len(text) > maxTXT || size+1+len(text) > maxTXTBytes {
			continue
		}
		size += 1 + len(text)
		a.texts, a.addrs = append(a.texts, text), append(a.addrs, full)
		if code := addr[0].Code(); !families[code] {
			families[code] = true
			a.ips = append(a.ips, addr[0].Value())
		}
		if a.port == 0 {
			a.port, _ = strconv.Atoi(addr[1].Value())
		}
	}
	if len(a.texts) == 0 {
		return announcement{}, errNothingToAnnounce
	}
	return a, nil
}

// exotic is 0 for /tcp/PORT and /udp/PORT/quic-v1, and more for what is layered on top of them.
func exotic(a ma.Multiaddr) int {
	switch {
	case len(a) == 2 && a[1].Code() == ma.P_TCP:
		return 0
	case len(a) == 3 && a[2].Code() == ma.P_QUIC_V1:
		return 0
	}
	return len(a)
}

// announcedPeer reads the texts of an announcement. They come from anybody on the local network: all of
// them have to be of one peer, and only addresses that are numbers count.
func announcedPeer(texts []string) (peer.AddrInfo, bool) {
	var id peer.ID
	var addrs []ma.Multiaddr
	for _, text := range texts[:min(len(texts), maxTXTStrings)] {
		text, ours := strings.CutPrefix(text, txtPrefix)
		if !ours || len(text) > maxTXT {
			continue
		}
		a, err := ma.NewMultiaddr(text)
		if err != nil {
			continue
		}
		_, owner := peer.SplitAddr(a)
		if owner == "" {
			continue
		}
		if id == "" {
			id = owner
		}
		if owner != id {
			return peer.AddrInfo{}, false
		}
		addrs = append(addrs, a)
	}
	addrs = preferFar(dialable(id, addrs, checkIPAddr))
	return peer.AddrInfo{ID: id, Addrs: addrs}, len(addrs) > 0
}
