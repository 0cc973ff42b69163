package bootstrap

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

func members(ids ...peer.ID) (all []sighting) {
	for _, id := range ids {
		all = append(all, sighting{id: id, member: true})
	}
	return all
}

func introducers(ids ...peer.ID) (all []sighting) {
	for _, id := range ids {
		all = append(all, sighting{id: id, introducer: true})
	}
	return all
}

func TestIntroducersAreNoPeers(t *testing.T) {
	ids := newIDs(t, 3)
	cfg := testConfig()
	cfg.WantPeers = 2
	p := testPlan(cfg)
	p.see(start, append(introducers(ids[0], ids[1]), members(ids[2])...))
	if p.peers != 1 || p.enough() {
		t.Errorf("%d peers, enough: %v, want the one that is no introducer", p.peers, p.enough())
	}
	puts, _ := p.save(start.Add(time.Minute), []link{{id: ids[0], addrs: addrOf(0), outbound: true}, {id: ids[2], addrs: addrOf(2)}}, true)
	if len(puts) != 1 || puts[0].ID != ids[2] {
		t.Errorf("in the book: %v, want the member alone", puts)
	}
}

func TestWhoIsAsked(t *testing.T) {
	ids := newIDs(t, 6)
	cfg := testConfig()
	cfg.WantPeers = 4
	p := testPlan(cfg)
	all := append(members(ids[0], ids[1]), introducers(ids[2])...)
	p.see(start, append(all, sighting{id: ids[3]})) // the last one has not said hello
	if due := p.dueAsks(start); !slices.Equal(due, []peer.ID{ids[2], ids[0]}) {
		t.Fatalf("asked: %v, want the introducer, and one at a time besides", due)
	}
	if due := p.dueAsks(start); len(due) != 0 {
		t.Errorf("asked while two are: %v", due)
	}
	p.asked(ids[2], []peer.AddrInfo{infoOf(ids[4], 4), infoOf(ids[5], 5), infoOf(p.self, 6)}, start)
	if _, peers := names(p.due(start)); !slices.Equal(peers, []peer.ID{ids[4]}) { // one more makes four
		t.Errorf("dialled: %v, want one that was told of", peers)
	}
	if due := p.dueAsks(start); !slices.Equal(due, []peer.ID{ids[1]}) {
		t.Errorf("asked: %v, want the one that was not", due)
	}
	p.see(start, append(all, members(ids[4], ids[5])...))
	p.asked(ids[0], nil, start)
	p.asked(ids[1], nil, start)
	if due := p.dueAsks(start.Add(time.Hour)); len(due) != 0 {
		t.Errorf("asked with enough peers: %v", due)
	}
}

// TestAskingBacksOff asks an introducer that has nothing new less often, and never rarely.
func TestAskingBacksOff(t *testing.T) {
	ids := newIDs(t, 2)
	p := testPlan(testConfig())
	p.see(start, append(introducers(ids[0]), members(ids[1])...))
	count := map[peer.ID]int{}
	for now := start; now.Before(start.Add(time.Hour)); now = now.Add(time.Second) {
		for _, id := range p.dueAsks(now) {
			count[id]++
			p.asked(id, nil, now)
		}
	}
	if a, b := count[ids[0]], count[ids[1]]; a < 50 || a > 90 || b < 10 || b > 25 {
		t.Errorf("in an hour the introducer was asked %d times, the member %d times", a, b)
	}
}

// TestToldAddresses takes what others tell of a peer that could not be reached, once.
func TestToldAddresses(t *testing.T) {
	ids := newIDs(t, 3)
	p := testPlan(testConfig())
	if !p.introduce(infoOf(ids[0], 1), start) || p.introduce(peer.AddrInfo{ID: p.self, Addrs: addrOf(1)}, start) {
		t.Error("a new peer is no news, or we are")
	}
	const through = "/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit"
	for _, bad := range []string{"/dns4/example.org/tcp/1", "/ip4/0.0.0.0/tcp/1", "/ip6/fe80::1/tcp/1", "/dns4/example.org" + through} {
		if p.introduce(peer.AddrInfo{ID: ids[1], Addrs: []ma.Multiaddr{ma.StringCast(bad)}}, start) {
			t.Errorf("took %s", bad)
		}
	}
	if !p.introduce(peer.AddrInfo{ID: ids[2], Addrs: []ma.Multiaddr{ma.StringCast("/ip4/8.8.8.8" + through)}}, start) {
		t.Error("refused an address through a relay")
	}
	delete(p.contacts, ids[2])
	p.due(start)
	p.peerDone(ids[0], errTest, start)
	if _, peers := names(p.due(start.Add(time.Second))); len(peers) != 0 {
		t.Fatalf("dialled again at once: %v", peers)
	}
	if !p.introduce(infoOf(ids[0], 2), start.Add(time.Second)) || p.introduce(infoOf(ids[0], 2), start.Add(time.Second)) {
		t.Error("another address is news, and the same again is not")
	}
	jobs := p.due(start.Add(heardRetry))
	if len(jobs) != 1 || jobs[0].peer.Addrs[0].String() != addrOf(2)[0].String() {
		t.Errorf("dialled: %v, want the new address first", jobs)
	}
}

// TestHearsayGivesWay keeps those that others tell of from taking the places of those that are heard.
func TestHearsayGivesWay(t *testing.T) {
	ids := newIDs(t, 3*maxPending)
	cfg := testConfig()
	cfg.WantPeers = 0 // so that none of them is dialled
	p := testPlan(cfg)
	for i, id := range ids[:maxPending] {
		p.introduce(infoOf(id, i), start)
	}
	if len(p.contacts) != maxPending/2 {
		t.Errorf("%d that others told of, want %d", len(p.contacts), maxPending/2)
	}
	heard := ids[maxPending : 2*maxPending]
	for i, id := range heard {
		p.hear(start, infoOf(id, maxPending+i))
	}
	for _, id := range heard {
		if p.contacts[id] == nil {
			t.Fatalf("%d contacts, and one that was heard is not among them", len(p.contacts))
		}
	}
	p.hear(start, infoOf(ids[2*maxPending], 1))
	p.introduce(infoOf(ids[2*maxPending+1], 2), start)
	if len(p.contacts) != maxPending || p.contacts[ids[2*maxPending]] != nil || p.contacts[ids[2*maxPending+1]] != nil {
		t.Errorf("%d contacts, want the %d that were heard first", len(p.contacts), maxPending)
	}
}

// TestIntroducerIsLetGo releases a seed that is an introducer when there are enough peers, visits it again,
// sooner when peers go, and does not call any of this a failure.
func TestIntroducerIsLetGo(t *testing.T) {
	ids := newIDs(t, 2)
	cfg := testConfig(seedOf(t, ids[0], 0))
	cfg.WantPeers = 1
	p := testPlan(cfg)
	now := start
	visit := func() {
		t.Helper()
		jobs := p.due(now)
		if len(jobs) != 1 || jobs[0].seed == nil {
			t.Fatalf("due: %v, want the seed", jobs)
		}
		p.seedDone(jobs[0].seed, []peer.AddrInfo{infoOf(ids[0], 0)}, ids[0], nil, now)
		p.see(now, introducers(ids[0]))
	}
	visit()
	now = now.Add(visitLasts)
	if due := p.dueReleases(now); len(due) != 0 {
		t.Fatal("released without peers")
	}
	p.see(now, append(introducers(ids[0]), members(ids[1])...))
	if due := p.dueReleases(now); !slices.Equal(due, ids[:1]) {
		t.Fatalf("released: %v, want the introducer", due)
	}
	now = now.Add(time.Second)
	p.see(now, members(ids[1]))
	st := p.seedStatuses()[0]
	if st.Connected || st.Failures != 0 || st.LastError != "" || st.NextTry.Sub(now) < visitEvery/2 || st.NextTry.Sub(now) > 2*visitEvery {
		t.Errorf("after the release: %+v", st)
	}
	if wake := p.wake(now); wake.After(st.NextTry) {
		t.Errorf("sleeps until %v, past the next visit", wake)
	}
	now = now.Add(time.Minute)
	p.see(now, nil) // the only peer goes
	if next := p.seedStatuses()[0].NextTry.Sub(now); next > cfg.RetryMin {
		t.Errorf("without peers the introducer is asked after %v", next)
	}
	now = now.Add(cfg.RetryMin)
	visit()
	for _, c := range p.takeChanges() {
		if !c.up {
			t.Errorf("logged as lost: %v", c)
		}
	}
}

// TestRelayIsKept does not release an introducer through which we are reached, nor one just met.
func TestRelayIsKept(t *testing.T) {
	ids := newIDs(t, 3)
	cfg := testConfig()
	cfg.WantPeers = 1
	p := testPlan(cfg)
	relay := sighting{id: ids[0], introducer: true, kept: true}
	p.see(start, append(members(ids[1]), relay, sighting{id: ids[2], introducer: true}))
	if due := p.dueReleases(start.Add(visitLasts - 1)); len(due) != 0 {
		t.Errorf("released at once: %v", due)
	}
	if wake := p.wake(start); !wake.Equal(start.Add(visitLasts)) {
		t.Errorf("wakes %v after the start, want %v", wake.Sub(start), visitLasts)
	}
	if due := p.dueReleases(start.Add(visitLasts)); !slices.Equal(due, ids[2:]) {
		t.Errorf("released: %v, want the one that is no relay of ours", due)
	}
}

func TestPartOf(t *testing.T) {
	for addr, want := range map[string]string{
		"/ip4/8.8.4.4/tcp/1": "8.8.0.0/16", "/ip6/2600:1f16:1::7/udp/1/quic-v1": "2600:1f16::/32",
		"/ip4/10.1.2.3/tcp/1": "", "/ip4/192.168.1.1/tcp/1": "", "/ip4/100.64.0.1/tcp/1": "", "/ip6/fd00::1/tcp/1": "",
		"/ip4/127.0.0.1/tcp/1": "", "/dns4/example.org/tcp/1": "",
		"/ip4/8.8.4.4/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit": "8.8.0.0/16",
	} {
		got := partOf(ma.StringCast(addr))
		if want == "" && got.IsValid() || want != "" && got != netip.MustParsePrefix(want) {
			t.Errorf("%s: %v, want %q", addr, got, want)
		}
	}
}

// TestPartsOfTheInternet dials at most two peers in one part of it, whatever is offered, and as many on
// a LAN as wanted.
func TestPartsOfTheInternet(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr string // of the i-th peer
		want int
	}{
		{"one IPv4 part", "/ip4/8.8.1.%d/tcp/1", maxPerPart},
		{"one IPv6 part", "/ip6/2600:1f16:%d::1/tcp/1", maxPerPart},
		{"many parts", "/ip4/8.%d.1.1/tcp/1", 8},
		{"a LAN", "/ip4/192.168.1.%d/tcp/1", 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids := newIDs(t, 20)
			p := testPlan(testConfig())
			for i, id := range ids {
				p.introduce(peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf(tt.addr, i+1))}}, start)
			}
			var up []sighting
			for now := start; now.Before(start.Add(time.Minute)); now = now.Add(time.Second) {
				for _, j := range p.due(now) {
					up = append(up, sighting{id: j.peer.ID, member: true, part: partOf(j.peer.Addrs[0])})
					p.peerDone(j.peer.ID, nil, now)
				}
				p.see(now, up)
			}
			if len(up) != tt.want {
				t.Errorf("%d peers, want %d", len(up), tt.want)
			}
			up = up[1:]
			now := start.Add(time.Minute)
			p.see(now, up)
			if jobs := p.due(now); len(jobs) == 0 {
				t.Error("when one goes, none takes its place")
			}
		})
	}
}

// TestPartIsReservedWhileDialling counts dials under way, and dials a peer where there is room for it.
func TestPartIsReservedWhileDialling(t *testing.T) {
	ids := newIDs(t, 4)
	p := testPlan(testConfig())
	for i, id := range ids[:3] {
		p.introduce(peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/8.8.1.%d/tcp/1", i+1))}}, start)
	}
	if _, peers := names(p.due(start)); len(peers) != maxPerPart {
		t.Fatalf("%d dials at once, want %d", len(peers), maxPerPart)
	}
	p.introduce(peer.AddrInfo{ID: ids[3], Addrs: []ma.Multiaddr{ma.StringCast("/ip4/8.8.1.9/tcp/1"), ma.StringCast("/ip4/9.9.9.9/tcp/1")}}, start)
	jobs := p.due(start)
	if len(jobs) != 1 || len(jobs[0].peer.Addrs) != 1 || jobs[0].peer.Addrs[0].String() != "/ip4/9.9.9.9/tcp/1" {
		t.Errorf("dials %v, want the one address elsewhere", jobs)
	}
}
