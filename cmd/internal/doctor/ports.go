package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"p2pchain/cmd/internal/node"
)

// knock is how long a port of this machine may take to answer.
const knock = 2 * time.Second

// lookAtPorts tells whether the addresses that a node would listen on are free, or those of the running
// one answer.
func (e *exam) lookAtPorts(ctx context.Context) []Finding {
	if e.node != nil {
		return e.lookAtOwnPorts(ctx)
	}
	if e.holder != 0 {
		return nil // they are its own
	}
	var found []Finding
	if e.cfg.HTTP != node.HTTPOff && !strings.HasPrefix(e.cfg.HTTP, "unix:") {
		addr, chosen := e.cfg.HTTP, e.cfg.HTTP != ""
		if !chosen {
			addr = node.DefaultHTTP
		}
		found = append(found, e.judgePort("--http", addr, "tcp", portOf(addr), chosen, node.ProbeHTTP(addr))...)
	}
	listen, chosen := e.cfg.Listen, len(e.cfg.Listen) > 0
	if !chosen {
		listen = node.DefaultListen()
	}
	for _, addr := range listen {
		proto, port := socketOf(addr)
		found = append(found, e.judgePort("--listen", addr, proto, port, chosen, node.ProbeListen(addr))...)
	}
	if len(found) == 0 {
		return one(OK, "the ports are free", "", "")
	}
	return found
}

// judgePort says what it means that an address could not be listened on. One that nobody chose moves.
func (e *exam) judgePort(flag, addr, proto string, port int, chosen bool, err error) []Finding {
	if err == nil {
		return nil
	}
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return one(Problem, fmt.Sprintf("%s %s is not an address of this machine", flag, addr), "the node does not start", "choose one of its addresses, or 0.0.0.0 for all")
	case errors.Is(err, fs.ErrPermission):
		return one(Problem, fmt.Sprintf("%s %s: this user may not listen there", flag, addr), "ports below 1024 are for root", "choose a port from 1024 on")
	case !errors.Is(err, syscall.EADDRINUSE):
		return one(Problem, fmt.Sprintf("%s %s: %v", flag, addr, err), "the node does not start", "choose another address")
	}
	by := ""
	if who := e.system.holder(proto, port); who != "" {
		by = " by " + who
	}
	what := fmt.Sprintf("%s %s is taken%s", flag, addr, by)
	if chosen {
		return one(Problem, what, "the node does not start", "stop the other program, or choose another port")
	}
	return one(Note, what, "the node will take another port by itself, which nodes and programs that expect this one do not know", "")
}

// lookAtOwnPorts calls the running node where it says that it is.
func (e *exam) lookAtOwnPorts(ctx context.Context) []Finding {
	var found []Finding
	var dialer net.Dialer
	tried := 0
	for _, addr := range e.node.Addresses {
		transport, _, _ := strings.Cut(addr, "/p2p/")
		target := localTCP(transport)
		if target == "" || tried == 8 {
			continue
		}
		tried++
		ctx, cancel := context.WithTimeout(ctx, knock)
		conn, err := dialer.DialContext(ctx, "tcp", target)
		cancel()
		if err != nil {
			found = append(found, Finding{Level: Warning, What: fmt.Sprintf("the node does not answer at its own address %s: %v", transport, err),
				Why: "others will hardly reach it there", Do: "look at what is said of the firewall"})
			continue
		}
		conn.Close()
	}
	if len(found) == 0 {
		return one(OK, "the running node answers at its addresses", "", "")
	}
	return found
}

// localTCP returns where a multiaddr of this machine is called by TCP, empty for any other.
func localTCP(addr string) string {
	a, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return ""
	}
	proto, port := socketOf(addr)
	ip, err := manet.ToIP(a)
	if proto != "tcp" || err != nil {
		return ""
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	for _, o := range own {
		if prefix, err := netip.ParsePrefix(o.String()); err == nil && prefix.Addr().String() == ip.String() {
			return net.JoinHostPort(ip.String(), strconv.Itoa(port))
		}
	}
	return ""
}

// portOf returns the port of HOST:PORT, 0 where there is none.
func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	n, _ := strconv.Atoi(port)
	return n
}

// socketOf returns protocol and port of a multiaddr.
func socketOf(addr string) (proto string, port int) {
	a, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return "", 0
	}
	for _, c := range a {
		if code := c.Protocol().Code; code == multiaddr.P_TCP || code == multiaddr.P_UDP {
			port, _ = strconv.Atoi(c.Value())
			return c.Protocol().Name, port
		}
	}
	return "", 0
}
