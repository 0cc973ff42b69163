package bootstrap

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	meetWithin   = 10 * time.Second // nodes that start together, until each is connected to each
	returnWithin = 30 * time.Second // a lost node, after its link is
)

// meet starts nodes that are plugged in and waits until all are connected.
func meet(l *lab, nodes int, ping time.Duration) []*labNode {
	l.t.Helper()
	began := time.Now()
	var all []*labNode
	for i := 1; i <= nodes; i++ {
		l.machine(i)
		l.plug(i)
		all = append(all, l.start(i, labA, ping))
	}
	within(l.t, meetWithin, "all nodes are connected", func() bool { return mesh(all) })
	l.t.Logf("%d nodes were all connected %v after the first one started", nodes, time.Since(began).Round(time.Millisecond))
	return all
}

func TestNodesFindEachOther(t *testing.T) {
	t.Parallel()
	l := newLab(t, true, 0)
	l.machine(4)
	l.plug(4)
	foreign := l.start(4, labB, 5*time.Second)
	meet(l, 3, 5*time.Second)
	if !alone(foreign) {
		t.Error("a node of another network was connected")
	}
}

// With an MTU below 1280 an interface has no IPv6 at all.
func TestNodesFindEachOtherWithoutIPv6(t *testing.T) {
	t.Parallel()
	l := newLab(t, false, 1270)
	meet(l, 2, 5*time.Second)
	out, err := exec.Command("ip", "-n", l.space(1), "-6", "addr", "show", "dev", "eth0").CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("the interface has IPv6 after all, so this test shows nothing: %s %v", out, err)
	}
}

// Where nobody hands out addresses, machines take their own from 169.254.0.0/16.
func TestNodesFindEachOtherByLinkLocalIPv4(t *testing.T) {
	t.Parallel()
	l := newLab(t, false, 1270)
	var all []*labNode
	for i := range 2 {
		l.machine(i + 1)
		l.ip("-n", l.space(i+1), "link", "set", "eth0", "up")
		l.ip("-n", l.space(i+1), "addr", "add", fmt.Sprintf("169.254.7.%d/16", i+1), "dev", "eth0")
		all = append(all, l.start(i+1, labA, time.Second))
	}
	within(t, meetWithin, "all nodes are connected", func() bool { return mesh(all) })
}

func TestLinkThatComesUpLate(t *testing.T) {
	t.Parallel()
	l := newLab(t, true, 0)
	l.machine(1)
	l.machine(2)
	l.plug(1)
	first, late := l.start(1, labA, 5*time.Second), l.start(2, labA, 5*time.Second)
	eventually(t, "the node without a link waits for one", func() bool { return late.says() == "waits "+errNoInterface.Error() })
	eventually(t, "the other announces itself", func() bool { return strings.Contains(first.says(), "/ip4/10.77.0.1/tcp/") })
	l.plug(2)
	began := time.Now()
	eventually(t, "both are connected", func() bool { return mesh([]*labNode{first, late}) })
	eventually(t, "the late node announces where it can be reached", func() bool {
		return strings.Contains(late.says(), "/ip4/10.77.0.2/tcp/") && strings.Contains(late.says(), "/ip6/fd77::2/tcp/")
	})
	t.Logf("connected %v after the link came up", time.Since(began).Round(time.Millisecond))
}

func TestLinkThatGoesAway(t *testing.T) {
	t.Parallel()
	l := newLab(t, true, 0)
	nodes := meet(l, 2, time.Second)
	loseAndReturn(l, nodes, l.unplug, l.plug)
}

// Here no interface changes: the nodes have nothing but silence to go by.
func TestCableCutBehindTheSwitch(t *testing.T) {
	t.Parallel()
	l := newLab(t, true, 0)
	nodes := meet(l, 2, time.Second)
	port := func(args ...string) func(int) {
		return func(int) { l.ip(append([]string{"-n", l.space(0), "link", "set", "p2"}, args...)...) }
	}
	loseAndReturn(l, nodes, port("nomaster"), port("master", "br0"))
}

// An adapter that is pulled out takes its interface with it, and comes back as another one, with other
// addresses.
func TestInterfaceIsReplaced(t *testing.T) {
	t.Parallel()
	l := newLab(t, true, 0)
	nodes := meet(l, 2, time.Second)
	loseAndReturn(l, nodes, func(index int) {
		l.ip("-n", l.space(index), "link", "delete", "eth0")
	}, func(index int) {
		l.cable(index)
		l.plugAs(index, index+100)
	})
}

// loseAndReturn cuts the last node off until all have noticed, and then puts it back.
func loseAndReturn(l *lab, nodes []*labNode, cut, mend func(index int)) {
	l.t.Helper()
	lost := nodes[len(nodes)-1]
	cut(lost.index)
	began := time.Now()
	eventually(l.t, "the loss is noticed by both sides", func() bool {
		for _, n := range nodes[:len(nodes)-1] {
			if n.hasPeer(lost) {
				return false
			}
		}
		return alone(lost)
	})
	l.t.Logf("the loss was noticed after %v", time.Since(began).Round(time.Millisecond))
	mend(lost.index)
	began = time.Now()
	within(l.t, returnWithin, "the lost node is back", func() bool { return mesh(nodes) })
	l.t.Logf("the node was back %v after its link", time.Since(began).Round(time.Millisecond))
}

func TestMachineWithLoopbackOnly(t *testing.T) {
	t.Parallel()
	l := newLab(t, false, 0)
	l.machine(1)
	n := l.start(1, labA, 5*time.Second)
	eventually(t, "it waits", func() bool { return n.says() == "waits "+errNoInterface.Error() })
}

// Losing a node takes two pings, so that shorter ones make the test short; with longEnv they are those
// of DefaultConfig.
func TestFiveNodes(t *testing.T) {
	t.Parallel()
	ping := time.Second
	if os.Getenv(longEnv) != "" {
		ping = 5 * time.Second
	}
	l := newLab(t, true, 0)
	loseAndReturn(l, meet(l, 5, ping), l.unplug, l.plug)
}
