package node

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// ErrAddressInUse means that an address which the user chose cannot be listened on.
var ErrAddressInUse = errors.New("address cannot be used")

// portTries is how many ports after the default one are tried before any free one is taken: several
// nodes on one machine then have neighbouring ports, which are easy to tell apart.
const portTries = 50

// listenHTTP opens the API's socket. An address that nobody chose may move; moved says how.
func listenHTTP(addr string) (l net.Listener, moved string, err error) {
	if path, unix := strings.CutPrefix(addr, UnixScheme); unix {
		if l, err = listenUnix(path); err != nil {
			return nil, "", fmt.Errorf("--http %s: %w: %w", addr, err, ErrAddressInUse)
		}
		return l, "", nil
	}
	if addr != "" {
		l, err = net.Listen(httpNetwork(addr), addr)
		if err != nil {
			return nil, "", fmt.Errorf("--http %s: %w: %w", addr, err, ErrAddressInUse)
		}
		return l, "", nil
	}
	host, first, err := splitPort(DefaultHTTP)
	if err != nil {
		return nil, "", err
	}
	for i := range portTries + 1 {
		port := first + i
		if i == portTries {
			port = 0
		}
		l, err = net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			if i > 0 {
				moved = fmt.Sprintf("port %d is taken, so the API is at %s", first, l.Addr())
			}
			return l, moved, nil
		}
		if !isTaken(err) {
			break
		}
	}
	return nil, "", fmt.Errorf("the API's address: %w: %w", err, ErrAddressInUse)
}

// httpNetwork returns what to listen on: 0.0.0.0 means IPv4 only, where Go would take IPv6, too.
func httpNetwork(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if ip, ipErr := netip.ParseAddr(host); err == nil && ipErr == nil && ip.Is4() {
		return "tcp4"
	}
	return "tcp"
}

func splitPort(addr string) (string, int, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(port)
	return host, n, err
}

// isTaken reports whether an address failed only since somebody else, or the system, has its port.
func isTaken(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES) || isTakenHere(err)
}

// defaultListen returns the addresses for other nodes where the user chose none: every transport on
// one port, on IPv6 too where this machine has it.
func defaultListen(port int) []string {
	addrs := listenOnAll("/ip4/0.0.0.0", port)
	if probe("/ip6/::/tcp/0") == nil {
		addrs = append(addrs, listenOnAll("/ip6/::", port)...)
	}
	return addrs
}

func listenOnAll(ip string, port int) []string {
	return []string{
		fmt.Sprintf("%s/tcp/%d", ip, port),
		fmt.Sprintf("%s/udp/%d/quic-v1", ip, port),
		fmt.Sprintf("%s/tcp/%d/ws", ip, port),
	}
}

// probe says whether an address can be listened on, by doing so for a moment. The host's own listen
// would not tell: with SO_REUSEPORT two nodes of one user can share a TCP port, each getting half of
// the connections.
func probe(addr string) error {
	socket, err := occupy(addr)
	if err != nil {
		return err
	}
	return socket.Close()
}

// occupy listens on an address as nobody else can then.
func occupy(addr string) (io.Closer, error) {
	network, hostPort, err := socketOf(addr)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(network, "udp") {
		return net.ListenPacket(network, hostPort)
	}
	return net.Listen(network, hostPort)
}

// socketOf returns what a multiaddr asks of the operating system, as net.Listen wants it.
func socketOf(addr string) (network, hostPort string, err error) {
	a, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return "", "", err
	}
	socket, _ := multiaddr.SplitFunc(a, func(c multiaddr.Component) bool {
		code := c.Protocol().Code
		return code != multiaddr.P_IP4 && code != multiaddr.P_IP6 && code != multiaddr.P_IP6ZONE &&
			code != multiaddr.P_TCP && code != multiaddr.P_UDP
	})
	if len(socket) == 0 {
		return "", "", fmt.Errorf("%s is not an IP address and port to listen on", addr)
	}
	network, hostPort, err = manet.DialArgs(socket)
	if err == nil && !strings.HasPrefix(network, "tcp") && !strings.HasPrefix(network, "udp") {
		err = fmt.Errorf("%s has no /tcp/ or /udp/ port", addr)
	}
	return network, hostPort, err
}

// freePort returns the first port from first on where nobody listens, by TCP or UDP; 0, which stands
// for any, where there is none near.
func freePort(first int) int {
	for port := first; port < first+portTries; port++ {
		taken := false
		for _, addr := range defaultListen(port) {
			taken = taken || probe(addr) != nil
		}
		if !taken {
			return port
		}
	}
	return 0
}
