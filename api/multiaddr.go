package api

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// endpoint returns host and port of the first address over TCP, else of the first over UDP: what the
// seeds' answers show of a multiaddr.
func endpoint(addrs []string) (host, port string, ok bool) {
	for _, transport := range []string{"tcp", "udp"} {
		for _, a := range addrs {
			parts := strings.Split(strings.TrimPrefix(a, "/"), "/")
			if len(parts) >= 4 && isHostProtocol(parts[0]) && parts[2] == transport {
				return parts[1], parts[3], true
			}
		}
	}
	return "", "", false
}

func isHostProtocol(name string) bool {
	switch name {
	case "ip4", "ip6", "dns", "dns4", "dns6":
		return true
	}
	return false
}

// peerAddress makes a multiaddr of what seed 2 names a peer by; errors wrap ErrAddress. The seed's
// nodes call themselves 0.0.0.0, which reaches this machine there.
func peerAddress(id, host, port string) (string, error) {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("peer_port %q: %w", port, ErrAddress)
	}
	if id == "" || strings.ContainsAny(id, "/ ") {
		return "", fmt.Errorf("peer_id %q: %w", id, ErrAddress)
	}
	protocol := "dns"
	if ip, err := netip.ParseAddr(host); err == nil {
		if protocol = "ip4"; ip.Is6() {
			protocol = "ip6"
		}
		if ip.IsUnspecified() {
			protocol, host = "ip4", net.IPv4(127, 0, 0, 1).String()
		}
	} else if host == "" || strings.ContainsAny(host, "/ ") {
		return "", fmt.Errorf("peer_host %q: %w", host, ErrAddress)
	}
	return fmt.Sprintf("/%s/%s/tcp/%d/p2p/%s", protocol, host, n, id), nil
}
