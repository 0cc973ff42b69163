package bootstrap

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	"golang.org/x/sync/errgroup"
)

const (
	mdnsDomain       = "local"
	mdnsTTL          = 120 // seconds; RFC 6762 section 10 for records with addresses
	maxHeardInRound  = 256
	mdnsCloseTimeout = 2 * time.Second
	announceRetry    = 30 * time.Second
)

var errNoInterface = errors.New("no interface that is up and has an address, waiting for one")

// mdnsService returns the name under which nodes of a network announce themselves. RFC 6763 wants at most
// 15 characters in its first label; DNS, and everything on the way between our own nodes, takes 63, and
// so the name holds the whole network id: other networks then need no telling apart.
func mdnsService(network string) string { return "_p2pchain-" + network + "._udp" }

// mdns announces the host on the local network and listens for others.
//
// libp2p has such a service too. This one is our own since that one reports a peer once in 53 minutes,
// keeps the addresses of its start, never starts if the link is down at that moment, and finds nobody and
// hangs on close where no interface has IPv6. So here rounds of browsing are short, each with a new client,
// the two IP versions know nothing of each other, and the announcement is made anew after every change.
type mdns struct {
	self     peer.ID
	cfg      Config
	log      *slog.Logger
	watch    *watcher
	instance string // our name: random, so that it tells nothing, and the same for the whole run

	mu     sync.Mutex // guards status
	status MDNSStatus
}

func newMDNS(self peer.ID, cfg Config, log *slog.Logger, w *watcher) *mdns {
	return &mdns{
		self:     self,
		cfg:      cfg,
		log:      log,
		watch:    w,
		instance: randomLabel(),
		status:   MDNSStatus{Enabled: true, Service: mdnsService(cfg.Network)},
	}
}

func randomLabel() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 32)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

// run announces and browses until ctx ends. heard is called for every announcement of another node, from
// more than one goroutine; enough says whether there are as many peers as wanted.
func (m *mdns) run(ctx context.Context, enough func() bool, heard func(peer.AddrInfo)) error {
	g, ctx := errgroup.WithContext(ctx)
	announcer, four, six := m.watch.subscribe(), m.watch.subscribe(), m.watch.subscribe()
	g.Go(func() error { m.announce(ctx, announcer); return nil })
	g.Go(func() error {
		m.browse(ctx, &browser{mdns: m, family: zeroconf.IPv4, changed: four, enough: enough, heard: heard})
		return nil
	})
	g.Go(func() error {
		m.browse(ctx, &browser{mdns: m, family: zeroconf.IPv6, changed: six, enough: enough, heard: heard})
		return nil
	})
	return g.Wait()
}

func (m *mdns) snapshot() MDNSStatus {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Announced = slices.Clone(s.Announced)
	return s
}

func (m *mdns) note(f func(*MDNSStatus)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.status)
}

// announce keeps a responder running that fits the present interfaces and addresses.
func (m *mdns) announce(ctx context.Context, changed <-chan struct{}) {
	for ctx.Err() == nil {
		server, addrs, err := m.register()
		m.noteAnnounced(addrs, err)
		retry := time.NewTimer(announceRetry)
		if err == nil {
			retry.Stop() // nothing to retry before something changes
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-retry.C:
		}
		retry.Stop()
		m.shutdown(server)
	}
}

func (m *mdns) register() (*zeroconf.Server, []string, error) {
	local := readLocalNet(m.watch.host)
	if len(local.multicast) == 0 {
		return nil, nil, errNoInterface
	}
	a, err := announcementOf(m.self, local.listen)
	if err != nil {
		return nil, nil, err
	}
	server, err := zeroconf.RegisterProxy(m.instance, mdnsService(m.cfg.Network), mdnsDomain,
		a.port, m.instance, a.ips, a.texts, local.multicast, zeroconf.TTL(mdnsTTL))
	if err != nil {
		return nil, nil, err
	}
	return server, a.addrs, nil
}

// noteAnnounced logs and remembers how the announcement is doing, if that has changed.
func (m *mdns) noteAnnounced(addrs []string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	var before MDNSStatus
	m.note(func(s *MDNSStatus) {
		before = *s
		s.Announced, s.Announce = addrs, text
	})
	switch {
	case err != nil && before.Announce != text:
		m.log.Info("not announced on the local network", "err", err)
	case err == nil && (before.Announce != "" || len(before.Announced) == 0):
		m.log.Info("announced on the local network", "addresses", addrs)
	}
}

// shutdown says goodbye for the responder and closes it, within a bound.
func (m *mdns) shutdown(server *zeroconf.Server) {
	if server == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Shutdown()
	}()
	select {
	case <-done:
	case <-time.After(mdnsCloseTimeout):
		m.log.Warn("multicast responder left behind: it does not close", "after", mdnsCloseTimeout)
	}
}
