package node

import (
	"slices"
	"testing"
)

func TestChooseAddrs(t *testing.T) {
	const id = "/p2p/12D3KooWGKhTktda1qkes8M4h5LUeVMe56NE8NRke5Y2vDXpz6mn"
	const relay = "/ip4/8.8.4.4/tcp/1/p2p/12D3KooWFG1bvkv4GrKR6WNLvz5FDUc3wkvVPD7q2H2uoUqFJJYa/p2p-circuit"
	for _, tt := range []struct {
		name        string
		addrs, want []string
		announced   []string
		local       bool
	}{
		{name: "none", local: true},
		{name: "loopback is better than nothing",
			addrs: []string{"/ip6/::1/tcp/1", "/ip4/127.0.0.1/tcp/1/ws", "/ip4/127.0.0.1/tcp/1"},
			want:  []string{"/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"}, local: true},
		{name: "others reach it",
			addrs: []string{"/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.2/udp/1/quic-v1"},
			want:  []string{"/ip4/192.168.1.2/udp/1/quic-v1"}},
		{name: "TCP first, no WebSocket",
			addrs: []string{"/ip4/10.0.0.1/udp/1/quic-v1", "/ip4/10.0.0.1/tcp/1/ws", "/ip4/10.0.0.1/tcp/1"},
			want:  []string{"/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/udp/1/quic-v1"}},
		{name: "WebSocket alone",
			addrs: []string{"/ip4/10.0.0.1/tcp/1/ws"},
			want:  []string{"/ip4/10.0.0.1/tcp/1/ws"}},
		{name: "IPv4 first, each transport of all before the next",
			addrs: []string{"/ip6/fd00::1/udp/1/quic-v1", "/ip6/fd00::1/tcp/1", "/ip4/10.0.0.1/udp/1/quic-v1", "/ip4/10.0.0.1/tcp/1"},
			want:  []string{"/ip4/10.0.0.1/tcp/1", "/ip6/fd00::1/tcp/1", "/ip4/10.0.0.1/udp/1/quic-v1", "/ip6/fd00::1/udp/1/quic-v1"}},
		{name: "useless ones",
			addrs: []string{"/ip6/fe80::1/tcp/1", "/ip4/0.0.0.0/tcp/1", "/ip4/10.0.0.1/tcp/0", "/ip4/10.0.0.2/tcp/1"},
			want:  []string{"/ip4/10.0.0.2/tcp/1"}},
		{name: "two machines and a cable",
			addrs: []string{"/ip4/169.254.7.7/tcp/1", "/ip4/127.0.0.1/tcp/1"},
			want:  []string{"/ip4/169.254.7.7/tcp/1"}},
		{name: "from everywhere, by a relay, from the LAN",
			addrs: []string{"/ip4/10.0.0.1/tcp/1", relay, "/ip4/8.8.8.8/tcp/1", "/dns4/node.example.org/tcp/1", "/ip4/127.0.0.1/tcp/1"},
			want:  []string{"/ip4/8.8.8.8/tcp/1", "/dns4/node.example.org/tcp/1", relay, "/ip4/10.0.0.1/tcp/1"}},
		{name: "what was announced before all",
			addrs:     []string{"/ip4/8.8.8.8/tcp/1", "/ip4/10.7.7.7/tcp/7/ws"},
			announced: []string{"/ip4/10.7.7.7/tcp/7/ws"},
			want:      []string{"/ip4/10.7.7.7/tcp/7/ws", "/ip4/8.8.8.8/tcp/1"}},
		{name: "announced loopback is meant",
			addrs:     []string{"/ip4/127.0.0.1/tcp/7"},
			announced: []string{"/ip4/127.0.0.1/tcp/7"},
			want:      []string{"/ip4/127.0.0.1/tcp/7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			full := func(addrs []string) []string {
				var out []string
				for _, addr := range addrs {
					out = append(out, addr+id)
				}
				return out
			}
			got, local := chooseAddrs(full(tt.addrs), tt.announced)
			if !slices.Equal(got, full(tt.want)) || local != tt.local {
				t.Errorf("chooseAddrs = %q, %v; want %q, %v", got, local, full(tt.want), tt.local)
			}
		})
	}
}
