package bootstrap

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// watchEvery is how often the interfaces are looked at. Asking is portable and costs some tens of
// microseconds; being told of changes is neither portable nor simple.
const watchEvery = 2 * time.Second

// A localNet is what this machine's network looks like at one moment, for one host.
type localNet struct {
	multicast []net.Interface // up, multicast, and with an address that others can dial
	listen    []ma.Multiaddr  // where the host listens, with real addresses in place of 0.0.0.0 and ::
	print     string          // differs if anything differs that matters here
}

// readLocalNet asks the system. It does not use the host's own list of interface addresses, because the
// swarm keeps that for a minute, which is how a node comes to announce nothing after its link came up.
func readLocalNet(h host.Host) localNet {
	var n localNet
	var print strings.Builder
	ifaces, err := net.Interfaces()
	if err != nil {
		return n // as if there were none; the next look may be luckier
	}
	var ips []ma.Multiaddr
	for _, i := range ifaces {
		addrs := interfaceAddrs(i)
		if i.Flags&net.FlagUp == 0 || len(addrs) == 0 {
			continue
		}
		if i.Flags&net.FlagMulticast != 0 {
			n.multicast = append(n.multicast, i)
		}
		ips = append(ips, addrs...)
		fmt.Fprintln(&print, i.Index, i.Name, i.Flags, addrs)
	}
	for _, a := range h.Network().ListenAddresses() {
		fmt.Fprintln(&print, a)
		// An error only says that no interface has an address of this kind.
		resolved, _ := manet.ResolveUnspecifiedAddress(a, ips)
		n.listen = append(n.listen, resolved...)
	}
	n.print = print.String()
	return n
}

// interfaceAddrs lists the addresses of an interface without link-local IPv6. Machines that run
// containers make and drop interfaces that have nothing else, and none of these concerns us.
func interfaceAddrs(i net.Interface) []ma.Multiaddr {
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	var ips []ma.Multiaddr
	for _, a := range addrs {
		ip, err := manet.FromNetAddr(a)
		if err == nil && !manet.IsIP6LinkLocal(ip) {
			ips = append(ips, ip)
		}
	}
	return ips
}

// A watcher tells its subscribers when the network of this machine or the addresses of its host change.
type watcher struct {
	host host.Host

	mu          sync.Mutex // guards subscribers
	subscribers []chan struct{}
}

func newWatcher(h host.Host) *watcher { return &watcher{host: h} }

// subscribe returns a channel that is poked after each change; what changed has to be read anew.
func (w *watcher) subscribe() <-chan struct{} {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.subscribers = append(w.subscribers, c)
	return c
}

// run compares until ctx ends, first with what was before.
func (w *watcher) run(ctx context.Context, before localNet) {
	last := before.print
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := readLocalNet(w.host).print; now != last {
			last = now
			w.tell()
		}
	}
}

func (w *watcher) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.subscribers {
		select {
		case c <- struct{}{}:
		default: // it has not read the last change yet, and will see this one with it
		}
	}
}
