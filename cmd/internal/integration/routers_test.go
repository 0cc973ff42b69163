//go:build linux

package integration

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// An internet is a lan whose addresses are public ones, with homes behind routers.
type internet struct {
	*lan
	ports int
}

// newInternet makes one, or skips the test where that cannot be done.
func newInternet(t *testing.T) *internet {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("routers need the nft command (Debian: nftables)")
	}
	return &internet{lan: newLAN(t, 0)}
}

// join connects a namespace of this name to it.
func (n *internet) join(name, addr string) string {
	n.t.Helper()
	ns := n.prefix + name
	if err := n.add(ns); err != nil {
		n.t.Fatal(err)
	}
	n.must("ip", "-n", n.switchName(), "link", "add", port(n.ports), "type", "veth", "peer", "name", "wan", "netns", ns)
	n.must("ip", "-n", ns, "addr", "add", addr+"/5", "dev", "wan") // 8.0.0.0 to 15.255.255.255
	n.must("ip", "-n", ns, "link", "set", "lo", "up")
	n.must("ip", "-n", ns, "link", "set", "wan", "up")
	n.plug(n.ports, 0)
	n.ports++
	return ns
}

// Of what a router does: connections from the home leave with its own address, and nothing comes in
// that was not asked for.
const router = `
table ip nat {
	chain leaving {
		type nat hook postrouting priority 100;
		oifname "wan" masquerade;
	}
}
table ip filter {
	chain passing {
		type filter hook forward priority 0; policy drop;
		iifname "home" accept;
		ct state established,related accept;
	}
	chain entering {
		type filter hook input priority 0; policy drop;
		iifname { "lo", "home" } accept;
		ct state established,related accept;
	}
}
`

// home returns a namespace behind a router with a public address.
func (n *internet) home(name, addr string) string {
	n.t.Helper()
	outside, inside := n.join(name+"r", addr), n.prefix+name
	if err := n.add(inside); err != nil {
		n.t.Fatal(err)
	}
	n.must("ip", "-n", outside, "link", "add", "home", "type", "veth", "peer", "name", "eth0", "netns", inside)
	n.must("ip", "-n", outside, "addr", "add", "192.168.7.1/24", "dev", "home")
	n.must("ip", "-n", outside, "link", "set", "home", "up")
	n.must("ip", "-n", inside, "addr", "add", "192.168.7.2/24", "dev", "eth0")
	n.must("ip", "-n", inside, "link", "set", "lo", "up")
	n.must("ip", "-n", inside, "link", "set", "eth0", "up")
	n.must("ip", "-n", inside, "route", "add", "default", "via", "192.168.7.1")
	n.must("ip", "netns", "exec", outside, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	nft := exec.Command("ip", "netns", "exec", outside, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(router)
	if out, err := nft.CombinedOutput(); err != nil {
		n.t.Skipf("this machine has no address translation: %v: %s", err, out)
	}
	return inside
}

// TestBehindRouters lets two nodes behind routers, whose private addresses are even the same, meet by an
// introducer that relays, and talk: through the relay or, if their routers can be persuaded, directly.
func TestBehindRouters(t *testing.T) {
	t.Parallel()
	n := newInternet(t)
	introducer := newMachine(t, "introducer")
	introducer.ns = n.join("i", "8.8.8.8")
	i := introducer.launchIntroducer("--genesis", networkFile(t, "routers"), "--reach", "relay")
	began := time.Now()
	var nodes []*machine
	for k, addr := range []string{"9.9.9.9", "11.1.1.1"} {
		m := newMachine(t, fmt.Sprint("node", k), "--no-mdns", "--reach", "nat")
		m.ns = n.home(fmt.Sprint("n", k), addr)
		m.join(i.Invite)
		nodes = append(nodes, m)
	}
	for _, m := range nodes {
		m.eventually("knows the other", func() error {
			if peers, err := m.peers(); err != nil || peers != 1 {
				return fmt.Errorf("%d peers, %v", peers, err)
			}
			return nil
		})
	}
	t.Logf("met %v after the first one began to start", time.Since(began).Round(100*time.Millisecond))
	if _, err := nodes[1].add("through two walls"); err != nil {
		t.Fatal(err)
	}
	agree(t, nodes...)
	checkTexts(t, nodes[0], []string{"through two walls"})
	// Both routers must let a packet out in the same moment. libp2p tries that three times, and on a busy
	// machine all three may be late; then the relay stays, which is no failure.
	direct, err := nodes[0].direct()
	t.Logf("direct connection: %s %v", direct, err)
}

// direct returns an address by which a peer is connected without a relay.
func (m *machine) direct() (string, error) {
	var reply struct {
		Peers []struct{ Addresses []string }
	}
	if err := m.get("/api/v1/peers", &reply); err != nil {
		return "", err
	}
	for _, p := range reply.Peers {
		for _, addr := range p.Addresses {
			if !strings.Contains(addr, "/p2p-circuit") {
				return addr, nil
			}
		}
	}
	return "", errors.New("only through the relay")
}
