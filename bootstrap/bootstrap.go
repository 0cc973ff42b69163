package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"golang.org/x/sync/errgroup"
)

// lastSaveTimeout bounds the save after the context of Run has ended.
const lastSaveTimeout = 5 * time.Second

// A Bootstrap finds and keeps the first peers of one host. Its methods are safe for concurrent use.
type Bootstrap struct {
	host     host.Host
	book     Book
	cfg      Config
	log      *slog.Logger
	resolver *resolver
	ping     func(context.Context, peer.ID) error

	mu   sync.Mutex // guards plan; never held while waiting for anything
	plan *plan

	poke  chan struct{} // capacity 1: the loop should look at the plan again
	watch *watcher
	mdns  *mdns   // nil: turned off
	dht   *finder // nil: turned off
}

// A SeedStatus says how one seed is doing.
type SeedStatus struct {
	Seed      string    // as given to ParseSeed
	Peers     []peer.ID // the peers it stands for, as far as known
	Connected bool      // to at least one of them
	Failures  int       // in a row; 0 while connected
	LastError string    // empty if there is nothing to complain about
	LastTried time.Time // zero: not yet
	NextTry   time.Time // zero: as soon as possible, or connected
}

// A MDNSStatus says how discovery on the local network is doing. An error text that is not empty is no
// fault of the node: it tells what is missing, and discovery goes on when that appears.
type MDNSStatus struct {
	Enabled   bool
	Service   string   // the name under which nodes of this network announce themselves
	Announced []string // the addresses that others are told
	Announce  string   // why nothing is announced
	IPv4      string   // why nobody can be heard over IPv4
	IPv6      string   // why nobody can be heard over IPv6
	Heard     int      // announcements of other nodes since the start, repeated ones too
}

// A Status is a snapshot for people: the API and the doctor command show it.
type Status struct {
	Connected int // peers, introducers not counted
	Wanted    int // Config.WantPeers
	Known     int // peers that could be dialled, connected ones included
	Seeds     []SeedStatus
	MDNS      MDNSStatus
	DHT       DHTStatus
}

// New makes a Bootstrap for h that keeps what it learns in book. It starts nothing. An error names the
// fields of cfg that cannot be used.
func New(h host.Host, book Book, cfg Config, log *slog.Logger) (*Bootstrap, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("bootstrap configuration: %w", err)
	}
	b := &Bootstrap{
		host:     h,
		book:     book,
		cfg:      cfg,
		log:      log,
		resolver: newResolver(),
		plan:     newPlan(cfg, h.ID(), rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))),
		poke:     make(chan struct{}, 1),
		watch:    newWatcher(h),
	}
	b.ping = func(ctx context.Context, id peer.ID) error { return pingOnce(ctx, h, id) }
	if cfg.DHT {
		b.dht = newFinder(h, cfg, log)
	}
	if cfg.MDNS {
		b.mdns = newMDNS(h.ID(), cfg, log, b.watch)
	}
	return b, nil
}

// Run finds and keeps peers until ctx ends and then returns nil. No trouble with peers, seeds, the network
// or the book ends it. By the time it returns, every goroutine it started has ended, with one exception
// that is logged: a multicast socket which the system refuses to close in time. Run can be called once.
func (b *Bootstrap) Run(ctx context.Context) error {
	b.load(ctx)

	notify := &network.NotifyBundle{
		ConnectedF:    func(network.Network, network.Conn) { b.wake() },
		DisconnectedF: func(network.Network, network.Conn) { b.wake() },
	}
	b.host.Network().Notify(notify)
	defer b.host.Network().StopNotify(notify)

	// What the network looks like before anybody acts on it, so that no change goes unnoticed.
	before := readLocalNet(b.host)
	changed := b.watch.subscribe()
	roles, stop := b.roles()
	defer stop()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { b.loop(gctx, changed, roles); return nil })
	g.Go(func() error { b.pingLoop(gctx); return nil })
	g.Go(func() error { b.saveLoop(gctx); return nil })
	if b.mdns != nil {
		g.Go(func() error { return b.mdns.run(gctx, b.enough, b.heard) })
	}
	if b.dht != nil {
		g.Go(func() error { b.dht.run(gctx, b.enough, b.told); return nil })
	}
	g.Go(func() error { b.watch.run(gctx, before); return nil })
	err := g.Wait()

	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSaveTimeout)
	defer cancel()
	b.save(last, true)
	return err
}

// Status returns a snapshot.
func (b *Bootstrap) Status() Status {
	b.mu.Lock()
	s := Status{
		Connected: b.plan.peers,
		Wanted:    b.cfg.WantPeers,
		Known:     len(b.plan.contacts),
		Seeds:     b.plan.seedStatuses(),
	}
	b.mu.Unlock()
	if b.mdns != nil {
		s.MDNS = b.mdns.snapshot()
	}
	if b.dht != nil {
		s.DHT = b.dht.snapshot()
	}
	return s
}

// wake makes the loop look at the plan again.
func (b *Bootstrap) wake() {
	select {
	case b.poke <- struct{}{}:
	default: // it is about to look
	}
}

// update gives the plan to f and lets the loop act on it.
func (b *Bootstrap) update(f func(p *plan, now time.Time)) {
	b.change(f)
	b.wake()
}

// change gives the plan to f and logs what changed for the seeds.
func (b *Bootstrap) change(f func(p *plan, now time.Time)) {
	b.mu.Lock()
	f(b.plan, time.Now())
	changes := b.plan.takeChanges()
	b.mu.Unlock()
	for _, c := range changes {
		switch {
		case c.up:
			b.log.Info("seed connected", "seed", c.seed)
		case errors.Is(c.err, errSelf):
			b.log.Info("seed is this node itself", "seed", c.seed)
		default:
			b.log.Warn("seed unreachable, will be retried", "seed", c.seed, "err", c.err)
		}
	}
}

// loop starts what the plan says is due, each in its own goroutine, and ends when all of these have.
func (b *Bootstrap) loop(ctx context.Context, changed, roles <-chan struct{}) {
	var running sync.WaitGroup
	defer running.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-b.poke:
		case <-roles:
		case <-changed:
			b.change(func(p *plan, now time.Time) { p.kick(now) })
		}
		due, wait := b.look()
		for _, j := range due.dials {
			running.Go(func() { b.dial(ctx, j) })
		}
		for _, p := range due.asks {
			running.Go(func() { b.ask(ctx, p) })
		}
		for _, p := range due.releases {
			running.Go(func() { b.release(p) })
		}
		timer.Reset(wait)
	}
}

// Work is what is due.
type work struct {
	dials          []job
	asks, releases []peer.ID
}

// look brings the plan up to date and returns what is due and for how long nothing else will be.
func (b *Bootstrap) look() (due work, wait time.Duration) {
	peers := b.sight()
	b.change(func(p *plan, now time.Time) { p.see(now, peers) })

	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	due = work{b.plan.due(now), b.plan.dueAsks(now), b.plan.dueReleases(now)}
	return due, b.plan.wake(now).Sub(now)
}

func (b *Bootstrap) enough() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.plan.enough()
}

// heard takes a peer that announced itself on the local network.
func (b *Bootstrap) heard(info peer.AddrInfo) {
	b.update(func(p *plan, now time.Time) { p.hear(now, info) })
}

// load reads the book. A node whose book cannot be read still has its seeds.
func (b *Bootstrap) load(ctx context.Context) {
	entries, err := b.book.Peers(ctx)
	if err != nil {
		b.log.Error("peer book not read, starting without it", "err", err)
		return
	}
	b.update(func(p *plan, now time.Time) { p.load(entries, now) })
}

func (b *Bootstrap) saveLoop(ctx context.Context) {
	tick := time.NewTicker(b.cfg.SaveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.save(ctx, false)
		}
	}
}

// save writes to the book what has changed.
func (b *Bootstrap) save(ctx context.Context, last bool) {
	peers, links := b.sight(), b.links()
	b.change(func(p *plan, now time.Time) { p.see(now, peers) })
	b.mu.Lock()
	puts, removes := b.plan.save(time.Now(), links, last)
	b.mu.Unlock()

	var failed error
	for _, e := range puts {
		if err := b.book.Put(ctx, e); err != nil {
			failed = err
			b.mu.Lock()
			b.plan.saveFailed(e.ID)
			b.mu.Unlock()
		}
	}
	for _, id := range removes {
		if err := b.book.Remove(ctx, id); err != nil {
			failed = err
		}
	}
	if failed != nil && ctx.Err() == nil {
		b.log.Error("peer book not saved", "err", failed)
	}
}

// links lists the connected peers with the addresses to remember: of a peer that we dialled first the one
// that worked, then what the peer says of itself. Of one that came by itself that is numbers only: a name is
// in no part of the internet before it is looked up, so with names in the book one address block would get
// all of our dials after a restart.
func (b *Bootstrap) links() []link {
	var all []link
	for _, id := range b.host.Network().Peers() {
		l := link{id: id}
		var addrs []ma.Multiaddr
		local := false
		for _, c := range b.host.Network().ConnsToPeer(id) {
			local = local || manet.IsIPLoopback(c.RemoteMultiaddr())
			if c.Stat().Direction == network.DirOutbound {
				l.outbound = true
				addrs = append(addrs, c.RemoteMultiaddr())
			}
		}
		check := checkSignedAddr
		if l.outbound {
			check = checkAddr
		}
		l.addrs = dialable(id, slices.Concat(addrs, b.host.Peerstore().Addrs(id)), check)
		if !local {
			// Its loopback is not ours.
			l.addrs = preferFar(l.addrs)
		}
		all = append(all, l)
	}
	return all
}
