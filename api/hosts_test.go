package api

import (
	"net"
	"testing"
)

func TestHostAllowed(t *testing.T) {
	names := []string{"node.example", "Lab.Local."}
	on := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 12345} }
	local, lan := on("127.0.0.1"), on("192.168.1.5")
	for _, tt := range []struct {
		host string
		addr net.Addr // of the connection
		want bool
	}{
		{"localhost", local, true},
		{"localhost:12345", local, true},
		{"LOCALHOST:12345", local, true},
		{"localhost.", local, true},
		{"127.0.0.1", local, true},
		{"127.0.0.1:8080", local, true}, // a port that ssh forwards
		{"127.1.2.3:12345", local, true},
		{"[::1]", local, true},
		{"[::1]:12345", on("::1"), true},
		{"[::ffff:127.0.0.1]:12345", local, true},
		{"node.example", local, true},
		{"NODE.example.:1", lan, true},
		{"lab.local", lan, true},
		{"192.168.1.5:12345", lan, true},
		{"203.0.113.9", lan, true}, // behind a port mapping
		{"[2001:db8::1]:12345", lan, true},
		{"[fe80::1]:12345", lan, true},
		{"127.0.0.1", lan, true},
		{"anything", &net.UnixAddr{Name: "/run/x", Net: "unix"}, true},

		{"", local, false},
		{".", local, false},
		{":12345", local, false},
		{"evil.example", local, false},
		{"evil.example:12345", lan, false},
		{"localhost.evil.example", local, false},
		{"evil.localhost", local, false},
		{"127.0.0.1.evil.example", local, false},
		{"127.0.0.1.nip.io", local, false},
		{"node.example.evil", lan, false},
		{"xnode.example", lan, false},
		{"192.168.1.5", local, false},
		{"0.0.0.0:12345", local, false},
		{"0.0.0.0:12345", lan, false},
		{"[::]:12345", lan, false},
		{"224.0.0.1", lan, false},
		{"2130706433", local, false}, // 127.0.0.1 as a number
		{"0x7f000001", local, false},
		{"127.1", local, false},
		{"0177.0.0.1", local, false},
		{"localhost:0", local, false},
		{"localhost:", local, false},
		{"localhost:+80", local, false},
		{"localhost:65536", local, false},
		{"localhost:80:80", local, false},
		{"localhost@evil.example", local, false},
		{"evil.example@localhost", local, false},
		{"localhost/", local, false},
		{" localhost", local, false},
		{"::1", local, false},
		{"[::1", local, false},
		{"[::1]x", local, false},
		{"[127.0.0.1]", local, false},
		{"[localhost]", local, false},
		{"[fe80::1%eth0]:12345", lan, false}, // no zones in a Host
		{"[fe80::1%25eth0]", lan, false},
		{"[::1%lo]", local, false},
		{"[::0000:1%00000]", local, false},
	} {
		if got := hostAllowed(tt.host, names, tt.addr); got != tt.want {
			t.Errorf("Host %q on %v: %v, want %v", tt.host, tt.addr, got, tt.want)
		}
	}
}
