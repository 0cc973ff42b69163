package p2p

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"p2pchain/p2p/exchange"
)

const (
	// A node introduces those that said hello lately, which is those that are connected, and an
	// introducer all that came within the hour.
	memberKeeps, introducerKeeps = 2 * time.Minute, time.Hour
	memberMost, introducerMost   = 512, 4096

	visitorsPerPlace = 32 // of one public IPv4 /24 or IPv6 /48, so that one place cannot fill it all
	toldPerPart      = 4  // of one IPv4 /16 or IPv6 /32 in one answer
)

// Visitors are the peers that can be introduced to others, with the records that they signed. It is
// safe for concurrent use, and its memory is bounded.
type visitors struct {
	most int
	keep time.Duration
	now  func() time.Time

	mu  sync.Mutex // guards all
	all map[peer.ID]*visit
}

// A visit is what a peer showed of itself.
type visit struct {
	raw   [exchange.OwnRecords]exchange.Record // as they came
	cards []card
	realm exchange.Realm // that it came from
	place netip.Prefix   // of one customer; not valid: no public address
	part  netip.Prefix   // of the internet
	seen  time.Time
}

// A card is a record that may be handed on within a realm.
type card struct {
	record exchange.Record
	realm  exchange.Realm
}

func newVisitors(most int, keep time.Duration, now func() time.Time) *visitors {
	return &visitors{most: most, keep: keep, now: now, all: make(map[peer.ID]*visit)}
}

// note takes in the records of a peer's hello. Those that it did not sign itself, or that are of no
// use to anybody where it came from, are left out.
func (v *visitors) note(p peer.ID, conns []network.Conn, records [exchange.OwnRecords]exchange.Record) {
	if len(conns) == 0 {
		return
	}
	from := conns[0].RemoteMultiaddr()
	next := &visit{raw: records, realm: exchange.RealmOf(from), seen: v.now()}
	if v.refresh(p, next) {
		return
	}
	for _, r := range records {
		info, err := r.Open()
		if err != nil || info.ID != p {
			continue
		}
		if realm := exchange.RealmOfAll(info.Addrs); realm >= next.realm {
			next.cards = append(next.cards, card{r, realm})
		}
	}
	if next.realm == exchange.World {
		next.place, next.part = surroundings(from)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.all, p)
	if len(next.cards) > 0 && v.makeRoom(next) {
		v.all[p] = next
	}
}

// refresh reports whether a peer showed just what it had shown before.
func (v *visitors) refresh(p peer.ID, next *visit) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.all[p]
	if old == nil || old.raw != next.raw || old.realm != next.realm {
		return false
	}
	old.seen = next.seen
	return true
}

// makeRoom makes room for one more, if need be at the cost of the one that came the longest ago. It is
// called with mu held.
func (v *visitors) makeRoom(next *visit) bool {
	var oldest, oldestThere peer.ID
	there := 0
	for id, old := range v.all {
		if next.seen.Sub(old.seen) >= v.keep {
			delete(v.all, id)
			continue
		}
		if oldest == "" || old.seen.Before(v.all[oldest].seen) {
			oldest = id
		}
		if next.place.IsValid() && old.place == next.place {
			if there++; oldestThere == "" || old.seen.Before(v.all[oldestThere].seen) {
				oldestThere = id
			}
		}
	}
	switch {
	case there >= visitorsPerPlace:
		delete(v.all, oldestThere)
	case len(v.all) >= v.most:
		delete(v.all, oldest)
	}
	return len(v.all) < v.most
}

// Records implements exchange.Directory. Every answer is another sample.
func (v *visitors) Records(asker peer.ID, from exchange.Realm, limit int) []exchange.Record {
	now := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	var found []*visit
	for id, one := range v.all {
		if id != asker && now.Sub(one.seen) < v.keep {
			found = append(found, one)
		}
	}
	rand.Shuffle(len(found), func(i, k int) { found[i], found[k] = found[k], found[i] })
	told := make(map[netip.Prefix]int)
	var out []exchange.Record
	for _, one := range found {
		cards := one.cardsFor(from)
		if len(cards) == 0 || len(out)+len(cards) > limit || (one.part.IsValid() && told[one.part] == toldPerPart) {
			continue
		}
		told[one.part]++
		out = append(out, cards...)
	}
	return out
}

// cardsFor returns what those in a realm may have.
func (v *visit) cardsFor(from exchange.Realm) []exchange.Record {
	var out []exchange.Record
	for _, c := range v.cards {
		if c.realm >= from {
			out = append(out, c.record)
		}
	}
	return out
}

// count returns how many are remembered.
func (v *visitors) count() int {
	now := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, one := range v.all {
		if now.Sub(one.seen) < v.keep {
			n++
		}
	}
	return n
}

// surroundings returns the block of a customer and the part of the internet that an address is in.
func surroundings(a ma.Multiaddr) (place, part netip.Prefix) {
	ip, err := manet.ToIP(a)
	if err != nil {
		return place, part
	}
	addr, ok := netip.AddrFromSlice(ip)
	if !ok {
		return place, part
	}
	addr = addr.Unmap()
	bits := [2]int{24, 16}
	if addr.Is6() {
		bits = [2]int{48, 32}
	}
	// An error is not possible: the sizes fit.
	place, _ = addr.Prefix(bits[0])
	part, _ = addr.Prefix(bits[1])
	return place, part
}
