package api

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hostAllowed reports whether a request may name this Host on a connection to this local address.
//
// A page of a stranger can have a name of his resolve to us (DNS rebinding); the browser then takes
// us for his server. It cannot do that with an IP address, since an address is what the browser has
// connected to. So names must be known, while addresses need only fit: a loopback one always, others
// where the connection is not a loopback one (behind a port mapping they need not be our own).
func hostAllowed(host string, names []string, local net.Addr) bool {
	if _, unix := local.(*net.UnixAddr); unix {
		return true // no browser gets there
	}
	name, ok := hostName(host)
	if !ok {
		return false
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || !loopback(local) && !ip.IsUnspecified() && !ip.IsMulticast()
	}
	if name == "localhost" {
		return true
	}
	for _, known := range names {
		if strings.EqualFold(strings.TrimSuffix(known, "."), name) {
			return true
		}
	}
	return false
}

// hostName returns the lower-case name or the bare IP address of a Host header.
func hostName(host string) (string, bool) {
	name, port := host, ""
	if rest, bracket := strings.CutPrefix(host, "["); bracket {
		ip, after, closed := strings.Cut(rest, "]")
		// A zone names an interface of the client and stands in no URI (RFC 3986, 9844), so not in a
		// Host (RFC 9110, 7.2) either; clients cut it off.
		if addr, err := netip.ParseAddr(ip); !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "", false
		}
		name, port = ip, after
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	if port != "" {
		digits, colon := strings.CutPrefix(port, ":")
		n, err := strconv.ParseUint(digits, 10, 16)
		if !colon || err != nil || n == 0 || digits[0] == '+' {
			return "", false
		}
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	return name, name != ""
}

// loopback reports whether only programs on this machine can connect to an address.
func loopback(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	}
	return false
}
