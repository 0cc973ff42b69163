//go:build linux

package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// A lan is a few hosts on a switch, each in a network namespace of its own. The switch lives in a
// namespace too, so nothing outside of these is touched, and all of it goes when the test ends.
type lan struct {
	t      *testing.T
	prefix string
	hosts  []string // namespace names
}

// lans counts them, for their names: some run at the same time.
var lans atomic.Int32

// newLAN makes hosts with the addresses 10.77.0.1, 10.77.0.2, … or skips the test where that cannot
// be done.
func newLAN(t *testing.T, hosts int) *lan {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("network namespaces need the ip command (Debian: iproute2)")
	}
	l := &lan{t: t, prefix: fmt.Sprintf("p2pc%d%c", os.Getpid()%100000, 'a'+rune(lans.Add(1)-1))}
	if err := l.add(l.switchName()); err != nil {
		t.Skipf("this machine makes no network namespaces: %v", err)
	}
	for _, bridge := range []string{"br0", "br1"} {
		l.must("ip", "-n", l.switchName(), "link", "add", bridge, "type", "bridge")
		l.must("ip", "-n", l.switchName(), "link", "set", bridge, "up")
	}
	for i := range hosts {
		l.addHost(i)
	}
	return l
}

func (l *lan) switchName() string { return l.prefix + "sw" }

func (l *lan) add(ns string) error {
	if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
		return fmt.Errorf("ip netns add %s: %w: %s", ns, err, out)
	}
	l.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	return nil
}

func (l *lan) addHost(i int) {
	ns := fmt.Sprintf("%sh%d", l.prefix, i)
	if err := l.add(ns); err != nil {
		l.t.Fatal(err)
	}
	l.hosts = append(l.hosts, ns)
	l.must("ip", "-n", l.switchName(), "link", "add", port(i), "type", "veth", "peer", "name", "eth0", "netns", ns)
	l.must("ip", "-n", ns, "addr", "add", l.ip(i)+"/24", "dev", "eth0")
	l.must("ip", "-n", ns, "link", "set", "lo", "up")
	l.must("ip", "-n", ns, "link", "set", "eth0", "up")
	l.must("ip", "-n", ns, "route", "add", "default", "dev", "eth0") // for multicast
	l.plug(i, 0)
}

func port(i int) string { return fmt.Sprintf("port%d", i) }

func (l *lan) ip(i int) string { return fmt.Sprintf("10.77.0.%d", i+1) }

// plug connects a host to switch 0 or 1: hosts on different switches cannot reach each other.
func (l *lan) plug(i, bridge int) {
	l.must("ip", "-n", l.switchName(), "link", "set", port(i), "master", fmt.Sprintf("br%d", bridge), "up")
}

func (l *lan) must(args ...string) {
	l.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// dialIn connects from inside a namespace; the empty name is our own. A socket stays in the
// namespace in which it was made, so only the making needs a thread that is there.
func dialIn(ctx context.Context, ns, network, addr string) (net.Conn, error) {
	var d net.Dialer
	if ns == "" {
		return d.DialContext(ctx, network, addr)
	}
	type result struct {
		conn net.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, wherever it is
		fd, err := unix.Open("/var/run/netns/"+ns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			done <- result{nil, err}
			return
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			done <- result{nil, err}
			return
		}
		conn, err := d.DialContext(ctx, network, addr)
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}
