package node

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

// taken returns a port of loopback on which the test listens, by TCP or UDP.
func taken(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestProbe(t *testing.T) {
	tcp, udp := taken(t, "tcp"), taken(t, "udp")
	for _, tt := range []struct {
		addr string
		free bool
	}{
		{"/ip4/127.0.0.1/tcp/0", true},
		{"/ip4/127.0.0.1/tcp/0/ws", true},
		{"/ip4/127.0.0.1/udp/0/quic-v1", true},
		{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", tcp), false},
		{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/ws", tcp), false},
		{fmt.Sprintf("/ip4/127.0.0.1/udp/%d/quic-v1", udp), false},
		{"/ip4/192.0.2.1/tcp/0", false}, // of nobody
		{"/dns4/localhost/tcp/0", false},
		{"/ip4/127.0.0.1", false},
	} {
		if err := probe(tt.addr); (err == nil) != tt.free {
			t.Errorf("probe(%s) = %v, want free: %t", tt.addr, err, tt.free)
		}
	}
}

func TestFreePort(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		port := taken(t, network)
		if got := freePort(port); got == port {
			t.Errorf("freePort(%d) = %d, which is taken by %s", port, got, network)
		}
	}
}

func TestListenHTTP(t *testing.T) {
	port := taken(t, "tcp")
	if _, _, err := listenHTTP(fmt.Sprintf("127.0.0.1:%d", port)); !errors.Is(err, ErrAddressInUse) {
		t.Errorf("a chosen port that is taken: %v, want ErrAddressInUse", err)
	}
	first, moved, err := listenHTTP("")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, moved2, err := listenHTTP("")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.Addr().String() == second.Addr().String() || moved2 == "" {
		t.Errorf("two APIs at %v (%s) and %v (%s)", first.Addr(), moved, second.Addr(), moved2)
	}
}

// TestListenHTTPFamily holds an IPv4 host to IPv4.
func TestListenHTTPFamily(t *testing.T) {
	l, _, err := listenHTTP("0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := l.Addr().String(); !strings.HasPrefix(got, "0.0.0.0:") {
		t.Errorf("listening on %s, want IPv4 only", got)
	}
}

// TestFirstShared picks the address of an API that is on all of them.
func TestFirstShared(t *testing.T) {
	addrs := func(list ...string) (out []net.Addr) {
		for _, s := range list {
			ip, ipNet, err := net.ParseCIDR(s)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, &net.IPNet{IP: ip, Mask: ipNet.Mask})
		}
		return out
	}
	for _, tt := range []struct {
		addrs []net.Addr
		only4 bool
		want  string
	}{
		{addrs("127.0.0.1/8", "fe80::1/64", "2001:db8::1/64", "192.0.2.1/24"), false, "192.0.2.1"},
		{addrs("::1/128", "2001:db8::1/64"), false, "2001:db8::1"},
		{addrs("127.0.0.1/8", "2001:db8::1/64"), true, "invalid IP"},
		{nil, false, "invalid IP"},
	} {
		if got, ok := firstShared(tt.addrs, tt.only4); got.String() != tt.want || ok != got.IsValid() {
			t.Errorf("firstShared(%v, %v) = %v, %v, want %s", tt.addrs, tt.only4, got, ok, tt.want)
		}
	}
}
