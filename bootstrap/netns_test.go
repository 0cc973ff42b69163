package bootstrap

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// These tests run nodes in network namespaces of their own, joined by a bridge in one more namespace, so
// that nothing of this machine's network is touched. They need root and the ip command, and skip without.

const (
	labA = "00000000000000aa"
	labB = "00000000000000bb"

	// longEnv turns on the default ping intervals.
	longEnv = "P2PCHAIN_LONG"
)

var labs atomic.Int32

// A lab is a switch and the nodes that can be plugged into it.
type lab struct {
	t    *testing.T
	name string // prefix of its namespaces, unique on this machine
	ipv6 bool
	mtu  int
}

// A labNode is one child process in a namespace of its own.
type labNode struct {
	lab   *lab
	index int
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed after all of its output was read
	log   bytes.Buffer  // its standard error, to be read after ended

	mu      sync.Mutex // guards the rest
	id      string
	peers   map[string]bool
	state   string // "announces …" or "waits …"
	stopped bool
}

func newLab(t *testing.T, ipv6 bool, mtu int) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("skipped: network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("skipped: network namespaces need the ip command (iproute2)")
	}
	l := &lab{t: t, name: fmt.Sprintf("pb%d-%d", os.Getpid(), labs.Add(1)), ipv6: ipv6, mtu: mtu}
	if out, err := exec.Command("ip", "netns", "add", l.space(0)).CombinedOutput(); err != nil {
		t.Skipf("skipped: this machine has no network namespaces: %s", out)
	}
	t.Cleanup(func() { l.ip("netns", "delete", l.space(0)) })
	l.ip("-n", l.space(0), "link", "add", "br0", "type", "bridge")
	l.ip("-n", l.space(0), "link", "set", "br0", "up")
	return l
}

// space names a namespace: 0 is the switch, nodes count from 1.
func (l *lab) space(index int) string { return fmt.Sprintf("%s-%d", l.name, index) }

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Errorf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// machine makes the namespace of a node, with loopback and a cable to the switch that is still down.
func (l *lab) machine(index int) {
	l.t.Helper()
	ns := l.space(index)
	l.ip("netns", "add", ns)
	l.t.Cleanup(func() { l.ip("netns", "delete", ns) })
	l.ip("-n", ns, "link", "set", "lo", "up")
	l.cable(index)
}

// cable joins a namespace to the switch.
func (l *lab) cable(index int) {
	l.t.Helper()
	ns, port := l.space(index), fmt.Sprintf("p%d", index)
	l.ip("-n", l.space(0), "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", ns)
	l.ip("-n", l.space(0), "link", "set", port, "master", "br0", "up")
	if l.mtu > 0 {
		l.ip("-n", ns, "link", "set", "eth0", "mtu", fmt.Sprint(l.mtu))
	}
}

// plug brings the link of a node up, with its addresses.
func (l *lab) plug(index int) {
	l.t.Helper()
	l.plugAs(index, index)
}

// plugAs is plug with the addresses of a number.
func (l *lab) plugAs(index, number int) {
	l.t.Helper()
	ns := l.space(index)
	l.ip("-n", ns, "link", "set", "eth0", "up")
	l.ip("-n", ns, "addr", "replace", fmt.Sprintf("10.77.0.%d/24", number), "dev", "eth0")
	if l.ipv6 {
		l.ip("-n", ns, "addr", "replace", fmt.Sprintf("fd77::%d/64", number), "dev", "eth0", "nodad")
	}
}

func (l *lab) unplug(index int) {
	l.t.Helper()
	l.ip("-n", l.space(index), "link", "set", "eth0", "down")
}

// start runs a node in the namespace of that index.
func (l *lab) start(index int, network string, ping time.Duration) *labNode {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	n := &labNode{lab: l, index: index, peers: map[string]bool{}, ended: make(chan struct{})}
	n.cmd = exec.Command("ip", "netns", "exec", l.space(index), self)
	n.cmd.Env = append(os.Environ(), nodeEnv+"="+network, pingEnv+"="+ping.String())
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.cmd.Stderr = &n.log
	stdin, err := n.cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	stdout, err := n.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	n.stdin = stdin
	go func() {
		defer close(n.ended)
		follow(stdout, n.hear)
	}()
	l.t.Cleanup(n.stop)
	eventually(l.t, "the node starts", func() bool { return n.peerID() != "" })
	return n
}

func (n *labNode) hear(word, rest string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch word {
	case "id":
		n.id = rest
	case "up":
		n.peers[rest] = true
	case "down":
		delete(n.peers, rest)
	case "stopped":
		n.stopped = true
	case "waits", "announces":
		n.state = strings.TrimSpace(word + " " + rest)
	}
}

// stop ends the node and sees to it that it ends by itself, in time. A browser or responder that does not
// close is what libp2p's own service would do here.
func (n *labNode) stop() {
	n.stdin.Close()
	kill := time.AfterFunc(15*time.Second, func() { n.cmd.Process.Kill() })
	defer kill.Stop()
	<-n.ended
	err := n.cmd.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	left := strings.Contains(n.log.String(), "left behind")
	if err != nil || !n.stopped || left {
		n.lab.t.Errorf("node %d did not stop cleanly: %v, left sockets behind: %v", n.index, err, left)
	}
	if n.lab.t.Failed() {
		n.lab.t.Logf("node %d, %s:\n%s", n.index, n.id, n.log.String())
	}
}

func (n *labNode) peerID() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.id
}

func (n *labNode) says() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

func (n *labNode) hasPeer(other *labNode) bool {
	id := other.peerID()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers[id]
}

func (n *labNode) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.peers)
}

// mesh says whether every node is connected to every other.
func mesh(nodes []*labNode) bool {
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b && !a.hasPeer(b) {
				return false
			}
		}
	}
	return true
}

func alone(n *labNode) bool { return n.count() == 0 }
