package bootstrap

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// errNotIP refuses names where only numbers are trusted: looking one up would be done for a stranger.
var errNotIP = errors.New("does not start with an IP address")

// checkAddr says what makes a transport address (without /p2p/ID at its end) impossible to dial.
func checkAddr(a ma.Multiaddr) error {
	first, rest := ma.SplitFirst(a)
	if first == nil {
		return errors.New("no address, only a peer id")
	}
	switch first.Protocol().Code {
	case ma.P_IP4, ma.P_IP6, ma.P_IP6ZONE:
		if err := checkIP(a); err != nil {
			return err
		}
		if first.Protocol().Code == ma.P_IP6ZONE {
			_, rest = ma.SplitFirst(rest)
		}
	case ma.P_DNS, ma.P_DNS4, ma.P_DNS6:
	default:
		return fmt.Errorf("starts with /%s, want /ip4, /ip6, /dns, /dns4, /dns6 or /dnsaddr", first.Protocol().Name)
	}
	port, _ := ma.SplitFirst(rest)
	if port == nil || (port.Protocol().Code != ma.P_TCP && port.Protocol().Code != ma.P_UDP) {
		return errors.New("no /tcp/PORT or /udp/PORT/quic-v1 after the host")
	}
	if port.Value() == "0" {
		return errors.New("port 0 cannot be dialled")
	}
	if port.Protocol().Code == ma.P_UDP && len(rest) < 2 {
		return errors.New("no protocol on /udp, want /quic-v1")
	}
	return nil
}

func checkIP(a ma.Multiaddr) error {
	ip, err := manet.ToIP(a)
	switch {
	case err != nil:
		return err
	case ip.IsUnspecified():
		return fmt.Errorf("%v means all addresses of a machine, name one of them", ip)
	case ip.IsMulticast() || ip.Equal(net.IPv4bcast):
		return fmt.Errorf("%v is not the address of one machine", ip)
	}
	return nil
}

// checkIPAddr is checkAddr for addresses that strangers sent: numbers only, no relays, and no link-local
// IPv6, which means nothing without the interface it was seen on.
func checkIPAddr(a ma.Multiaddr) error {
	if err := checkAddr(a); err != nil {
		return err
	}
	if a[0].Code() != ma.P_IP4 && a[0].Code() != ma.P_IP6 {
		return errNotIP
	}
	if manet.IsIP6LinkLocal(a) {
		return errors.New("link-local")
	}
	for _, c := range a {
		if c.Code() == ma.P_CIRCUIT {
			return errors.New("a relay's address")
		}
	}
	return nil
}

// checkSignedAddr is checkIPAddr for addresses that their owner published for anybody: these may lead
// through a relay.
func checkSignedAddr(a ma.Multiaddr) error {
	for i, c := range a {
		if c.Code() == ma.P_CIRCUIT {
			outer, _ := peer.SplitAddr(a[:i])
			return checkIPAddr(outer)
		}
	}
	return checkIPAddr(a)
}

// dialable returns the addresses of the peer id that pass check, each once, without /p2p/ID at the end,
// at most 16.
func dialable(id peer.ID, addrs []ma.Multiaddr, check func(ma.Multiaddr) error) []ma.Multiaddr {
	var good []ma.Multiaddr
	for _, a := range addrs {
		transport, owner := peer.SplitAddr(a)
		if (owner != "" && owner != id) || check(transport) != nil || len(transport.Bytes()) > maxAddrBytes {
			continue
		}
		good = appendAddr(good, transport)
	}
	return good
}

// preferFar leaves out loopback addresses unless there are no others.
func preferFar(addrs []ma.Multiaddr) []ma.Multiaddr {
	far := slices.DeleteFunc(slices.Clone(addrs), manet.IsIPLoopback)
	if len(far) > 0 {
		return far
	}
	return addrs
}

// appendAddr adds a unless it is there already or the list is full.
func appendAddr(list []ma.Multiaddr, a ma.Multiaddr) []ma.Multiaddr {
	if len(list) >= maxAddrs || ma.Contains(list, a) {
		return list
	}
	return append(list, a)
}

func sameAddrs(a, b []ma.Multiaddr) bool {
	if len(a) != len(b) {
		return false
	}
	for _, addr := range a {
		if !ma.Contains(b, addr) {
			return false
		}
	}
	return true
}
