package p2p

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ws "github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/prometheus/client_golang/prometheus"

	"p2pchain/core"
)

var (
	// ErrBadAddress means that a text is not the multiaddr that was asked for.
	ErrBadAddress = errors.New("not a usable multiaddr")
	// ErrListen means that an address cannot be listened on; the text names it and the reason.
	ErrListen = errors.New("cannot listen")
)

// openHost makes the libp2p host and listens on every address of cfg, which is valid.
func openHost(n *core.Network, cfg Config, gate *bans, table *Table) (host.Host, error) {
	var listen []ma.Multiaddr
	for _, text := range cfg.Listen {
		addr, err := ma.NewMultiaddr(text)
		if err == nil {
			err = probe(addr)
		}
		if err != nil {
			return nil, fmt.Errorf("%w on %s: %w", ErrListen, text, err)
		}
		listen = append(listen, addr)
	}
	var measure []rcmgr.Option // by default it does
	if cfg.Metrics == nil {
		measure = append(measure, rcmgr.WithMetricsDisabled())
	}
	resources, err := newResources(n, cfg.MaxPeers, measure...)
	if err != nil {
		return nil, fmt.Errorf("resource manager: %w", err)
	}
	// Node.makeRoom holds MaxPeers, at once and with more in mind. The connection manager keeps the marks
	// of peers, and only where they have several connections each it has to close some.
	conns, err := connmgr.NewConnManager(2*cfg.MaxPeers+32, 2*cfg.MaxPeers+64)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connection manager: %w", err), resources.Close())
	}
	h, err := libp2p.New(append(hostOptions(cfg, gate, table),
		libp2p.ResourceManager(resources),
		libp2p.ConnectionManager(conns),
	)...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the host: %w", err), conns.Close(), resources.Close())
	}
	for _, addr := range listen { // one by one: together, one that works hides those that do not
		if err := h.Network().Listen(addr); err != nil {
			return nil, errors.Join(fmt.Errorf("%w on %v: %s", ErrListen, addr, oneLine(err)), h.Close())
		}
	}
	return h, nil
}

// hostOptions are all but the limits.
func hostOptions(cfg Config, gate *bans, table *Table) []libp2p.Option {
	var announce []ma.Multiaddr
	for _, text := range cfg.Announce {
		if addr, err := ma.NewMultiaddr(text); err == nil { // Validate has seen it
			announce = append(announce, addr)
		}
	}
	options := []libp2p.Option{
		libp2p.Identity(cfg.Key),
		libp2p.UserAgent(cfg.Agent),
		libp2p.NoListenAddrs,
		libp2p.ConnectionGater(gateOf(gate, cfg.Gate)),
		metricsOption(cfg.Metrics),
		// They give up on whole kinds of addresses after failures on the internet, which takes peers
		// with public addresses on the local network along. Failed dials are retried ever more rarely.
		libp2p.UDPBlackHoleSuccessCounter(nil),
		libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.AddrsFactory(func(seen []ma.Multiaddr) []ma.Multiaddr {
			return ma.Unique(slices.Concat(announce, seen))
		}),
	}
	if len(cfg.HostOptions) > 0 {
		return append(options, cfg.HostOptions...)
	}
	return append(append(options, natOptions(cfg.NAT, table)...),
		libp2p.ShareTCPListener(), // /tcp/… and /tcp/…/ws on one port
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Transport(quic.NewTransport),
		libp2p.Transport(ws.New),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Security(tls.ID, tls.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
	)
}

// metricsOption gives libp2p's counters to a registerer, or turns them off where there is none.
func metricsOption(r prometheus.Registerer) libp2p.Option {
	if r == nil {
		return libp2p.DisableMetrics()
	}
	return libp2p.PrometheusRegisterer(r)
}

// probe listens on a TCP address for a moment. The host itself listens with SO_REUSEPORT, so that two
// nodes of one user would share a port without an error, each getting half of the connections.
func probe(addr ma.Multiaddr) error {
	network, hostPort, err := manet.DialArgs(socketOf(addr))
	if err != nil {
		return fmt.Errorf("%w: want /ip4/… or /ip6/… with /tcp/… or /udp/…/quic-v1", ErrBadAddress)
	}
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	l, err := net.Listen(network, hostPort)
	if err != nil {
		return err
	}
	return l.Close()
}

// socketOf returns the part of an address that names an IP address and a port.
func socketOf(addr ma.Multiaddr) ma.Multiaddr {
	socket, _ := ma.SplitFunc(addr, func(c ma.Component) bool {
		switch c.Protocol().Code {
		case ma.P_IP4, ma.P_IP6, ma.P_IP6ZONE, ma.P_TCP, ma.P_UDP:
			return false
		}
		return true
	})
	return socket
}

// oneLine makes an error of libp2p, some of which have many lines, fit for a log.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
