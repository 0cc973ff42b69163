//go:build linux

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An invitation is what p2pchain invite --json prints.
type invitation struct {
	Invite    string
	Addresses []string
	LocalOnly bool `json:"local_only"`
}

// invite asks the machine for an invite, of its node or of the folder of one that does not run.
func (m *machine) invite(flags ...string) (i invitation) {
	m.t.Helper()
	out, err := m.run(nil, append([]string{"invite", "--json"}, flags...)...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &i)
	}
	if err != nil {
		m.t.Fatalf("%s: %v", m.name, err)
	}
	return i
}

// join sets the machine's folder up and starts its node, without a word about network or addresses.
func (m *machine) join(invite string) {
	m.t.Helper()
	if _, err := m.run(nil, "join", invite, "--no-run"); err != nil {
		m.t.Fatal(err)
	}
	m.start()
}

// links is what a node says of its connections.
type links struct {
	Peers int
	Links struct {
		Inbound, Outbound, Introducers, Known int
		DHTNodes                              int `json:"dht_nodes"`
	}
}

func (m *machine) links() (l links, err error) {
	err = m.get("/api/v1/node", &l)
	return l, err
}

// launchIntroducer runs p2pchain bootstrap on the machine and waits until it has left its invite.
func (m *machine) launchIntroducer(flags ...string) invitation {
	m.t.Helper()
	m.out = new(buffer)
	m.cmd = m.command(append([]string{"bootstrap"}, flags...)...)
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.eventually("it introduces", func() error {
		_, err := os.Stat(filepath.Join(m.dir, "bootstrap", "invite.txt"))
		return err
	})
	return m.invite("--name", "bootstrap")
}

// TestInviteAndJoin takes a network of its own from one machine of a LAN to another by its invite
// alone, without multicast; the second one needs no flag, and no invite again after a restart.
func TestInviteAndJoin(t *testing.T) {
	t.Parallel()
	l := newLAN(t, 2)
	first := newMachine(t, "first", "--genesis", networkFile(t, "invited"), "--no-mdns")
	first.ns = l.hosts[0]
	first.start()
	want := []string{"before"}
	if _, err := first.add("before"); err != nil {
		t.Fatal(err)
	}
	agree(t, first)
	i := first.invite()
	if i.LocalOnly || len(i.Addresses) == 0 || !strings.HasPrefix(i.Addresses[0], "/ip4/"+l.ip(0)+"/tcp/22345/p2p/") {
		t.Fatalf("an invite to %q", i.Addresses)
	}
	for _, addr := range i.Addresses {
		if strings.HasPrefix(addr, "/ip4/127.") || strings.HasPrefix(addr, "/ip6/::1/") || strings.HasPrefix(addr, "/ip6/fe80") {
			t.Errorf("%s is in the invite", addr)
		}
	}
	second := newMachine(t, "second", "--no-mdns")
	second.ns = l.hosts[1]
	second.join(i.Invite)
	agree(t, first, second)
	if _, err := second.add("after"); err != nil {
		t.Fatal(err)
	}
	want = append(want, "after")
	agree(t, first, second)
	checkTexts(t, first, want)
	checkTexts(t, second, want)

	second.stop()
	if err := os.RemoveAll(filepath.Join(second.dir, "store")); err != nil { // with the peer book
		t.Fatal(err)
	}
	second.start()
	agree(t, first, second)
	checkTexts(t, second, want)
	first.stop()
	if again := first.invite(); again.Invite != i.Invite {
		t.Errorf("the stopped node invites to %q", again.Addresses)
	}
}

// TestIntroducer has nodes on a LAN without multicast that know nobody but an introducer find each
// other, by what it tells them and in the DHT, and go on without it.
func TestIntroducer(t *testing.T) {
	t.Parallel()
	l := newLAN(t, 4)
	introducer := newMachine(t, "introducer")
	introducer.ns = l.hosts[0]
	i := introducer.launchIntroducer("--genesis", networkFile(t, "introduced"))
	if i.LocalOnly || !strings.HasPrefix(i.Addresses[0], "/ip4/"+l.ip(0)+"/tcp/22345/p2p/") {
		t.Fatalf("an invite to %q", i.Addresses)
	}
	var nodes []*machine
	for k := range 3 {
		m := newMachine(t, fmt.Sprint("node", k), "--no-mdns", "--dht")
		m.ns = l.hosts[k+1]
		m.join(i.Invite)
		nodes = append(nodes, m)
	}
	for _, m := range nodes {
		m.eventually("knows both others, and the DHT", func() error {
			n, err := m.links()
			if err != nil || n.Peers != 2 || n.Links.Inbound+n.Links.Outbound != 2 || n.Links.DHTNodes < 2 {
				return fmt.Errorf("%+v, %v", n, err)
			}
			return nil
		})
	}
	introducer.stop()
	if out := introducer.out.String(); strings.Contains(out, "panic") || !strings.Contains(out, "p2pchain join "+i.Invite) {
		t.Error("the introducer does not say how to join")
	}
	if _, err := os.Stat(filepath.Join(introducer.dir, "bootstrap", "store")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an introducer with a chain: %v", err)
	}
	nodes[0].stop()
	nodes[0].start() // the others are in its book
	if _, err := nodes[0].add("without it"); err != nil {
		t.Fatal(err)
	}
	agree(t, nodes...)
	for _, m := range nodes {
		checkTexts(t, m, []string{"without it"})
	}
}
