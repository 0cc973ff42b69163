package p2p

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// relayTag is under what libp2p protects the connection to a relay that we are reached through. Pubsub
// protects its whole mesh, in which any peer may be.
const relayTag = "autorelay"

// A seat is a connected peer, as far as it matters who has to go when there are too many.
type seat struct {
	id      peer.ID
	inbound bool
	kept    bool         // we are reached through it
	home    bool         // of this machine or a private network
	group   netip.Prefix // /16 or /32 of its address; none where it has no IP address
	since   uint64       // session: smaller is longer
	useful  time.Time    // when it last brought something new; zero: never
}

// evict returns whom to let go so that no more than most peers are left. The order of Bitcoin Core's
// eviction, in short: whom we dialled stays, since an attacker cannot make us dial him; so do those who
// are longest here and those who brought something new last, which takes time and work to become; then
// those of private networks, who are few and ours. Of the others the youngest goes from the group of
// addresses that has most of them, so that a newcomer finds a place as long as somebody takes up many,
// and who fills all places from one network only pushes out himself.
func evict(seats []seat, most int) (out []peer.ID) {
	left := slices.Clone(seats)
	for len(left) > most {
		i := worst(left, most)
		out = append(out, left[i].id)
		left = slices.Delete(left, i, i+1)
	}
	return out
}

// worst returns the index of the peer to go first.
func worst(seats []seat, most int) int {
	shielded := shield(seats, most)
	count := make(map[netip.Prefix]int)
	for _, s := range seats {
		if rank(s, shielded) == 0 {
			count[s.group]++
		}
	}
	at := 0
	for i, s := range seats {
		a, b := rank(s, shielded), rank(seats[at], shielded)
		if a < b || a == b && (a == 0 && count[s.group] > count[seats[at].group] ||
			(a > 0 || count[s.group] == count[seats[at].group]) && s.since > seats[at].since) {
			at = i
		}
	}
	return at
}

// rank says how hard it is to lose a peer.
func rank(s seat, shielded map[peer.ID]bool) int {
	switch {
	case s.kept:
		return 4
	case !s.inbound:
		return 3
	case shielded[s.id]:
		return 2
	case s.home:
		return 1
	default:
		return 0
	}
}

// shield returns the inbound peers that are longest here, and those that were useful last, a quarter of
// the places each.
func shield(seats []seat, most int) map[peer.ID]bool {
	shielded := make(map[peer.ID]bool)
	byAge := slices.DeleteFunc(slices.Clone(seats), func(s seat) bool { return !s.inbound || s.kept })
	slices.SortFunc(byAge, func(a, b seat) int { return cmp.Compare(a.since, b.since) })
	byUse := slices.DeleteFunc(slices.Clone(byAge), func(s seat) bool { return s.useful.IsZero() })
	slices.SortFunc(byUse, func(a, b seat) int { return b.useful.Compare(a.useful) })
	for _, some := range [][]seat{byAge, byUse} {
		for _, s := range some[:min(len(some), most/4)] {
			shielded[s.id] = true
		}
	}
	return shielded
}

// makeRoom lets peers go where there are more than MaxPeers.
func (n *Node) makeRoom() {
	seats := n.table.seats()
	if len(seats) <= n.cfg.MaxPeers {
		return
	}
	news := n.news()
	for i := range seats {
		seats[i].kept = n.host.ConnManager().IsProtected(seats[i].id, relayTag)
		seats[i].useful = news[seats[i].id]
	}
	for _, p := range evict(seats, n.cfg.MaxPeers) {
		n.log.Debug("no place for a peer, closing", "peer", p)
		n.letGo(p, 0)
	}
}

// news says when peers last brought something new by gossip; an introducer hears none.
func (n *Node) news() map[peer.ID]time.Time {
	if n.gossip == nil {
		return nil
	}
	return n.gossip.News()
}

// place fills in what the address of a peer says of it.
func (s *seat) place(addr ma.Multiaddr) {
	s.home = !manet.IsPublicAddr(addr)
	ip, err := manet.ToIP(addr)
	if err != nil {
		return
	}
	a, _ := netip.AddrFromSlice(ip)
	bits := 32
	if a = a.Unmap(); a.Is4() {
		bits = 16
	}
	s.group, _ = a.Prefix(bits) // bits fit
}
