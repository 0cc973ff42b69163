package p2p

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/core/coretest/random"
)

// sit returns a seat of a peer that came as the n-th from an address.
func sit(n uint64, ip string, edits ...func(*seat)) seat {
	s := seat{id: peer.ID(fmt.Sprint(n)), inbound: true, since: n}
	s.place(ma.StringCast("/ip4/" + ip + "/tcp/1"))
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func dialled(s *seat) { s.inbound = false }
func viaIt(s *seat)   { s.kept = true }
func helped(ago time.Duration) func(*seat) {
	return func(s *seat) { s.useful = time.Unix(1e9, 0).Add(-ago) }
}

// TestEvict lists who goes first.
func TestEvict(t *testing.T) {
	for _, tt := range []struct {
		name  string
		seats []seat
		most  int
		want  []peer.ID
	}{
		{"room for all", []seat{sit(1, "8.1.0.1"), sit(2, "8.2.0.1")}, 2, nil},
		{"the newcomer", []seat{sit(1, "8.1.0.1"), sit(2, "8.2.0.1"), sit(3, "8.3.0.1")}, 2, []peer.ID{"3"}},
		{"the youngest of the largest group", []seat{sit(1, "8.1.0.1"), sit(2, "8.1.0.2"), sit(3, "8.3.0.1")}, 2, []peer.ID{"2"}},
		{"not whom we dialled", []seat{sit(1, "8.1.0.1"), sit(2, "8.2.0.1", dialled), sit(3, "8.3.0.1", dialled)}, 2, []peer.ID{"1"}},
		{"whom we dialled last, where all are", []seat{sit(1, "8.1.0.1", dialled), sit(2, "8.2.0.1", dialled)}, 1, []peer.ID{"2"}},
		{"not our relay", []seat{sit(1, "8.1.0.1"), sit(2, "8.1.0.2", viaIt)}, 1, []peer.ID{"1"}},
		{"the internet before the local network", []seat{sit(1, "8.1.0.1"), sit(2, "192.168.0.2"), sit(3, "10.0.0.1")}, 2, []peer.ID{"1"}},
		{"the local network, too", []seat{sit(1, "192.168.0.2"), sit(2, "127.0.0.1"), sit(3, "10.0.0.1")}, 2, []peer.ID{"3"}},
		{"not who helped last", []seat{
			sit(1, "8.1.0.1"), sit(2, "8.1.0.2"), sit(3, "8.1.0.3", helped(time.Second)), sit(4, "8.1.0.4", helped(time.Minute)), sit(5, "8.2.0.1"),
		}, 4, []peer.ID{"4"}},
	} {
		if got := evict(tt.seats, tt.most); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestNobodyIsolatesUs fills a node's places from many addresses and from one network: those that it
// dialled stay, and so do the oldest and the most useful; and from the one network, newcomers push out
// their like only.
func TestNobodyIsolatesUs(t *testing.T) {
	const most = 40
	rng := random.Source(t)
	for _, oneNetwork := range []bool{true, false} {
		var seats []seat
		for i := range uint64(30) {
			s := sit(i, fmt.Sprintf("8.%d.0.1", i))
			switch {
			case i < 8:
				s.inbound = false
			case i >= 20:
				s.useful = time.Unix(1e9+int64(i), 0)
			}
			seats = append(seats, s)
		}
		for i := range uint64(2000) {
			ip := fmt.Sprintf("9.%d.%d.1", rng.IntN(256), rng.IntN(256))
			if oneNetwork {
				ip = fmt.Sprintf("9.9.%d.%d", rng.IntN(256), rng.IntN(256))
			}
			seats = append(seats, sit(100+i, ip))
			gone := evict(seats, most)
			seats = slices.DeleteFunc(seats, func(s seat) bool { return slices.Contains(gone, s.id) })
		}
		honest := 0
		for _, s := range seats {
			if s.since < 30 {
				honest++
			}
		}
		want := 8 + 10 + 10
		if oneNetwork {
			want = 30
		}
		if len(seats) != most || honest < want {
			t.Errorf("from one network %v: %d of %d places are with honest peers, want %d", oneNetwork, honest, len(seats), want)
		}
	}
}
