package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p-kad-dht/records"
	"github.com/libp2p/go-libp2p-kbucket/peerdiversity"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	mh "github.com/multiformats/go-multihash"
)

const (
	dhtLookup      = 30 * time.Second // for one search
	dhtFindMin     = 5 * time.Second  // between two searches while peers are few, doubling
	dhtFindMax     = 10 * time.Minute //
	dhtProvide     = 30 * time.Minute // between two times that we say we are here
	dhtRecord      = 2 * time.Hour    // for which others believe it
	dhtFound       = 32               // peers of one search
	dhtClose       = 5 * time.Second
	dhtSuffix      = "/kad/1.0.0" // of the protocol's id, after the prefix
	dhtLook        = time.Second  // between two looks at whether there is anybody to ask
	dhtPerBucket   = 2            // of one IPv4 /16 or IPv6 /32, as of our own peers
	dhtPerTable    = 8
	dhtMaxInFlight = 64 // checks of newcomers at once; libp2p's 256 is for a world-wide network
)

// A DHTStatus says how the DHT is doing.
type DHTStatus struct {
	Enabled   bool
	Peers     int    // in the routing table
	Found     int    // by searches since the start, repeated ones too
	Announced int    // times that we were announced since the start
	Error     string // of the last try to start, search or announce; empty: none
}

// A finder announces the node in the DHT of its network, and searches it for others. The DHT holds
// nothing but such announcements.
type finder struct {
	host host.Host
	cfg  Config
	log  *slog.Logger

	mu     sync.Mutex // guards status
	status DHTStatus
}

func newFinder(h host.Host, cfg Config, log *slog.Logger) *finder {
	return &finder{host: h, cfg: cfg, log: log, status: DHTStatus{Enabled: true}}
}

// prefix is what the ids of the DHT's protocols begin with.
func (f *finder) prefix() protocol.ID { return protocol.ID("/p2pchain/" + f.cfg.Network) }

func (f *finder) snapshot() DHTStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

func (f *finder) note(change func(*DHTStatus)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// noteError remembers how the last try went; its end by ours is no error.
func (f *finder) noteError(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = oneLine(err)
		f.log.Debug("dht", "err", err)
	}
	f.note(func(s *DHTStatus) { s.Error = text })
}

// networkKey is the key under which the nodes of a network announce themselves.
func networkKey(network string) (cid.Cid, error) {
	sum, err := mh.Sum([]byte("p2pchain/network/"+network), mh.SHA2_256, -1)
	if err != nil {
		return cid.Undef, err
	}
	return cid.NewCidV1(cid.Raw, sum), nil
}

// open starts the DHT. It is a server unless libp2p has found out that nobody can reach us: its
// automatic mode waits for proof from the public internet, and so no node of a LAN would ever answer.
// A server that cannot be reached harms nobody, since others ask a node before they remember it.
func (f *finder) open() (*dht.IpfsDHT, error) {
	key, err := networkKey(f.cfg.Network)
	if err != nil {
		return nil, err
	}
	return dht.New(f.host,
		dht.Datastore(newAnnouncements(key)),
		dht.Mode(dht.ModeAutoServer),
		dht.ProtocolPrefix(f.prefix()),
		dht.DisableValues(),
		dht.ProviderManagerOpts(records.ProvideValidity(dhtRecord), records.ProviderAddrTTL(dhtRecord)),
		dht.LookupCheckConcurrency(dhtMaxInFlight),
		dht.RoutingTablePeerDiversityFilter(newPublicParts(f.host)),
	)
}

// publicParts bounds how many servers of one part of the public internet the routing table holds. On
// a LAN, which is one part, libp2p's own filter would keep most of the nodes out.
type publicParts struct {
	peerdiversity.PeerIPGroupFilter
	host host.Host
}

func newPublicParts(h host.Host) publicParts {
	return publicParts{dht.NewRTPeerDiversityFilter(h, dhtPerBucket, dhtPerTable), h}
}

// Allow implements peerdiversity.PeerIPGroupFilter.
func (p publicParts) Allow(g peerdiversity.PeerGroupInfo) bool {
	for _, c := range p.host.Network().ConnsToPeer(g.Id) {
		if partOf(c.RemoteMultiaddr()).IsValid() {
			return p.PeerIPGroupFilter.Allow(g)
		}
	}
	return true
}

// run announces and searches until ctx ends. found is called for every peer that a search brings;
// enough says whether there are as many peers as wanted.
func (f *finder) run(ctx context.Context, enough func() bool, found func(peer.AddrInfo)) {
	key, err := networkKey(f.cfg.Network)
	var d *dht.IpfsDHT
	if err == nil {
		d, err = f.open()
	}
	if err != nil {
		f.log.Error("dht not started", "err", err)
		f.noteError(ctx, err)
		return
	}
	defer f.close(d)
	var provideAt, findAt time.Time
	var said string
	wait := dhtFindMin
	tick := time.NewTicker(dhtLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		known := d.RoutingTable().Size()
		f.note(func(s *DHTStatus) { s.Peers = known })
		if known == 0 {
			continue // nobody to ask: the connections come by the other ways
		}
		// Others hold the addresses of the last announcement: after a change, as when a relay was found,
		// these lead nowhere.
		if now, here := time.Now(), fmt.Sprint(f.host.Addrs()); here != said || !now.Before(provideAt) {
			err := f.provide(ctx, d, key)
			if said, provideAt = here, now.Add(dhtProvide); err != nil {
				provideAt = now.Add(dhtFindMin)
			}
		}
		switch now := time.Now(); {
		case enough():
			wait = dhtFindMin
		case !now.Before(findAt):
			f.find(ctx, d, key, found)
			findAt = time.Now().Add(wait)
			wait = min(2*wait, dhtFindMax)
		}
	}
}

// provide says that we are here.
func (f *finder) provide(ctx context.Context, d *dht.IpfsDHT, key cid.Cid) error {
	search, cancel := context.WithTimeout(ctx, dhtLookup)
	defer cancel()
	err := d.Provide(search, key, true)
	if err != nil {
		err = fmt.Errorf("announce: %w", err)
	} else {
		f.note(func(s *DHTStatus) { s.Announced++ })
	}
	f.noteError(ctx, err)
	return err
}

// find searches for others.
func (f *finder) find(ctx context.Context, d *dht.IpfsDHT, key cid.Cid, found func(peer.AddrInfo)) {
	ctx, cancel := context.WithTimeout(ctx, dhtLookup)
	defer cancel()
	for info := range d.FindProvidersAsync(ctx, key, dhtFound) {
		if info.ID == f.host.ID() {
			continue
		}
		var at []ma.Multiaddr
		for _, conn := range f.host.Network().Conns() {
			at = append(at, conn.RemoteMultiaddr())
		}
		info.Addrs = foundAt(info.Addrs, at)
		f.note(func(s *DHTStatus) { s.Found++ })
		found(info)
	}
}

// foundAt returns the addresses of an answer that may be dialled. Nobody signed them. So while we have
// a connection to the public internet, from where the answer may come, they must be public: else it
// could send us around our own network. On a LAN of its own a DHT has private addresses only.
func foundAt(addrs, connected []ma.Multiaddr) []ma.Multiaddr {
	if !slices.ContainsFunc(connected, manet.IsPublicAddr) {
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool { return !manet.IsPublicAddr(a) })
}

// close ends the DHT within a bound.
func (f *finder) close(d *dht.IpfsDHT) {
	defer f.host.RemoveStreamHandler(f.prefix() + dhtSuffix) // it leaves that behind
	done := make(chan error, 1)
	go func() { done <- d.Close() }()
	select {
	case err := <-done:
		if err != nil && !errors.Is(err, context.Canceled) {
			f.log.Debug("close of the dht", "err", err)
		}
	case <-time.After(dhtClose):
		f.log.Warn("dht left behind: it does not close", "after", dhtClose)
	}
}
