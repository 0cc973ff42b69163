package bootstrap

import (
	"errors"
	"fmt"
	"maps"
	mrand "math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"p2pchain/core/coretest/random"
)

func linkOf(id peer.ID, i int, outbound bool) link {
	return link{id: id, addrs: addrOf(i), outbound: outbound}
}

func anchorsOf(p *plan) (ids []peer.ID) {
	for id, c := range p.contacts {
		if c.entry.Anchor {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestAnchorsAreTheBestPeers(t *testing.T) {
	ids := newIDs(t, 7)
	p := testPlan(testConfig())
	var links []link
	for i, id := range ids {
		// Older first; 1, 3 and 5 were dialled by us.
		p.observe(start.Add(time.Duration(i)*time.Second), ids[:i+1])
		links = append(links, linkOf(id, i, i%2 == 1))
	}
	now := start.Add(time.Minute)
	puts, _ := p.save(now, links, false)
	if len(puts) != len(ids) {
		t.Errorf("%d of %d connected peers were put into the book", len(puts), len(ids))
	}
	want := []peer.ID{ids[0], ids[1], ids[3], ids[5]}
	if got := anchorsOf(p); !slices.Equal(got, want) {
		t.Errorf("anchors %v, want those we dialled and the oldest other, %v", got, want)
	}
	if puts, removes := p.save(now.Add(time.Second), links, false); len(puts)+len(removes) != 0 {
		t.Errorf("saved again although nothing changed: %v, %v", puts, removes)
	}
	if puts, _ := p.save(now.Add(time.Second), links, true); len(puts) != len(ids) {
		t.Errorf("the last save noted %d of %d peers", len(puts), len(ids))
	}

	// The connection of an anchor ends, which the plan is not told yet.
	p.save(now.Add(time.Second), slices.Delete(slices.Clone(links), 1, 2), false)
	if got := anchorsOf(p); len(got) != maxAnchors || slices.Contains(got, ids[1]) {
		t.Errorf("anchors %v while %v goes", got, ids[1])
	}
	p.save(now.Add(time.Second), links, false)

	// A node that was cut off keeps its anchors, also if it then finds one peer.
	now = now.Add(time.Minute)
	p.observe(now, nil)
	p.save(now, nil, true)
	if got := anchorsOf(p); !slices.Equal(got, want) {
		t.Errorf("anchors %v after all peers were lost, want still %v", got, want)
	}
	p.observe(now, ids[6:])
	p.save(now.Add(stableAfter), []link{linkOf(ids[6], 6, false)}, true)
	if got := anchorsOf(p); len(got) != maxAnchors || !slices.Contains(got, ids[6]) {
		t.Errorf("anchors %v, want %v and three earlier ones", got, ids[6])
	}
}

func TestShortConnectionsStayOutOfTheBook(t *testing.T) {
	ids := newIDs(t, 1)
	p := testPlan(testConfig())
	p.observe(start, ids)
	now := start.Add(stableAfter - 1)
	if puts, _ := p.save(now, []link{linkOf(ids[0], 0, true)}, false); len(puts) != 0 {
		t.Errorf("saved %v", puts)
	}
	p.observe(now, nil)
	if len(p.contacts) != 0 {
		t.Errorf("remembered although nothing is known of it")
	}
}

func TestSaveFailedIsTriedAgain(t *testing.T) {
	ids := newIDs(t, 1)
	p := testPlan(testConfig())
	p.observe(start, ids)
	links := []link{linkOf(ids[0], 0, true)}
	now := start.Add(stableAfter)
	p.save(now, links, false)
	p.saveFailed(ids[0])
	if puts, _ := p.save(now, links, false); len(puts) != 1 {
		t.Errorf("%d entries are put again, want 1", len(puts))
	}
}

func TestBookIsBounded(t *testing.T) {
	const extra = 20
	ids := newIDs(t, maxBook+extra+2)
	var entries []Entry
	for i, id := range ids[:maxBook+extra] {
		entries = append(entries, Entry{ID: id, Addrs: addrOf(i), LastSeen: start.Add(time.Duration(i) * time.Second)})
	}
	entries[0].Anchor = true
	stale := Entry{ID: ids[maxBook+extra], Addrs: addrOf(1), Failures: staleTries, LastSeen: start.Add(-staleAfter)}
	p := testPlan(testConfig())
	p.load(append(entries, stale, Entry{ID: ids[maxBook+extra+1]}), start)
	_, removes := p.save(start.Add(time.Hour), nil, false)
	if len(p.contacts) != maxBook || len(removes) != extra+2 {
		t.Fatalf("%d entries left, %d removed, want %d and %d", len(p.contacts), len(removes), maxBook, extra+2)
	}
	for _, id := range slices.Concat(ids[1:extra+1], ids[maxBook+extra:]) {
		if !slices.Contains(removes, id) {
			t.Errorf("%v stayed; removed should be the stale, the one without addresses and the oldest", id)
		}
	}
}

// TestPlanAtRandom drives a plan with random events and holds it to what must always be true.
func TestPlanAtRandom(t *testing.T) {
	r := random.Source(t)
	ids := newIDs(t, 300)
	s := &planSim{t: t, rand: r, now: start, ids: ids, up: map[peer.ID]bool{}, parts: map[peer.ID]netip.Prefix{}}
	s.p = newPlan(testConfig(seedOf(t, ids[0], 0), seedOf(t, ids[1], 1), seedOf(t, ids[2], 2)), "\x00", r)
	for range 10_000 {
		s.step()
		s.check()
	}
}

// A planSim is a world for one plan.
type planSim struct {
	t     *testing.T
	rand  *mrand.Rand
	p     *plan
	now   time.Time
	ids   []peer.ID
	up    map[peer.ID]bool
	parts map[peer.ID]netip.Prefix // of those that we dialled
	dials []job
	asks  []peer.ID
}

// introduces says which of the peers are introducers: one of the seeds, and every tenth other one.
func (s *planSim) introduces(id peer.ID) bool { return slices.Index(s.ids, id)%10 == 0 }

// publicAddr is in one of a few parts of the internet.
func publicAddr(i int) []ma.Multiaddr {
	return []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/8.%d.%d.1/tcp/4001", i%5, i/5))}
}

func (s *planSim) step() {
	s.now = s.now.Add(time.Duration(s.rand.Int64N(int64(3 * time.Second))))
	some := s.rand.IntN(len(s.ids))
	id := s.ids[some]
	switch s.rand.IntN(10) {
	case 8:
		s.p.introduce(peer.AddrInfo{ID: id, Addrs: publicAddr(some)}, s.now)
	case 9:
		s.endAsk(peer.AddrInfo{ID: id, Addrs: publicAddr(some)})
	case 0:
		s.p.hear(s.now, infoOf(id, some))
	case 1:
		if len(s.up) < s.rand.IntN(20) {
			s.up[id] = true
		}
	case 2, 3:
		delete(s.up, s.anyUp(id))
	case 4:
		var links []link
		s.p.see(s.now, s.connected())
		for _, id := range s.peers() {
			links = append(links, link{id: id, addrs: addrOf(1), outbound: s.rand.IntN(2) == 0})
		}
		s.p.save(s.now, links, s.rand.IntN(10) == 0)
	case 5:
		if s.rand.IntN(20) == 0 {
			s.p.kick(s.now)
		}
	default:
		s.endDial()
	}
	s.p.see(s.now, s.connected())
	s.dials = append(s.dials, s.p.due(s.now)...)
	s.asks = append(s.asks, s.p.dueAsks(s.now)...)
	for _, id := range s.p.dueReleases(s.now) {
		if !s.introduces(id) {
			s.t.Fatalf("released %v, which is a member", id)
		}
		delete(s.up, id)
	}
	s.p.see(s.now, s.connected())
}

func (s *planSim) connected() (all []sighting) {
	for _, id := range s.peers() {
		all = append(all, sighting{id: id, member: !s.introduces(id), introducer: s.introduces(id), part: s.parts[id]})
	}
	for id := range s.parts {
		if !s.up[id] {
			delete(s.parts, id)
		}
	}
	return all
}

// endAsk ends a question, with a peer as the answer in one case of two.
func (s *planSim) endAsk(info peer.AddrInfo) {
	if len(s.asks) == 0 {
		return
	}
	var found []peer.AddrInfo
	if s.rand.IntN(2) == 0 {
		found = append(found, info)
	}
	from := s.asks[0]
	s.asks = s.asks[1:]
	s.p.asked(from, found, s.now)
}

func (s *planSim) anyUp(or peer.ID) peer.ID {
	if up := s.peers(); len(up) > 0 {
		return up[s.rand.IntN(len(up))]
	}
	return or
}

// peers returns those that are connected, in order, so that a seed gives the same run again.
func (s *planSim) peers() []peer.ID { return slices.Sorted(maps.Keys(s.up)) }

// endDial ends a random dial, with success in one case of three.
func (s *planSim) endDial() {
	if len(s.dials) == 0 {
		return
	}
	i := s.rand.IntN(len(s.dials))
	j := s.dials[i]
	s.dials = slices.Delete(s.dials, i, i+1)
	var err error
	if s.rand.IntN(3) > 0 {
		err = errors.New("refused")
	}
	id := j.peer.ID
	if j.seed != nil {
		id = j.seed.seed.peer.ID
	}
	if err == nil && !s.up[id] {
		s.up[id] = true
		if j.seed == nil && len(j.peer.Addrs) > 0 {
			s.parts[id] = partOf(j.peer.Addrs[s.rand.IntN(len(j.peer.Addrs))])
		}
	}
	if j.seed != nil {
		s.p.seedDone(j.seed, []peer.AddrInfo{j.seed.seed.peer}, id, err, s.now)
	} else {
		s.p.peerDone(id, err, s.now)
	}
}

func (s *planSim) check() {
	s.t.Helper()
	fail := func(format string, args ...any) {
		s.t.Helper()
		s.t.Fatalf("at %v: %s", s.now.Sub(start), fmt.Sprintf(format, args...))
	}
	seeds, peers := s.p.dials()
	if seeds+peers != len(s.dials) || len(s.dials) > maxDials || seeds > maxDialsOfKind || peers > maxDialsOfKind {
		fail("%d seeds and %d peers are dialled by the plan, %d in truth", seeds, peers, len(s.dials))
	}
	if w := s.p.wake(s.now); !w.After(s.now) {
		fail("wants to be woken at %v", w)
	}
	count := map[netip.Prefix]int{}
	for id, part := range s.parts {
		if count[part]++; s.up[id] && part.IsValid() && count[part] > maxPerPart {
			fail("%d peers in %v", count[part], part)
		}
	}
	pending, anchors := 0, 0
	for id, c := range s.p.contacts {
		if up := !c.up.IsZero(); up != s.up[id] {
			fail("%v connected: %v, in truth %v", id, up, s.up[id])
		}
		if !c.saved && c.up.IsZero() {
			pending++
		}
		if c.entry.Anchor {
			anchors++
		}
		if (c.saved || c.entry.Anchor) && !c.up.IsZero() && c.entry.LastSeen.Equal(s.now) && s.introduces(id) {
			fail("an introducer goes into the book")
		}
	}
	if pending > maxPending+maxDialsOfKind || anchors > maxAnchors {
		fail("%d pending, %d anchors", pending, anchors)
	}
	for i, st := range s.p.seedStatuses() {
		limit := s.p.cfg.RetryMax
		if s.p.seeds[i].rests {
			limit = visitEvery
		}
		if !st.Connected && st.NextTry.Sub(s.now) > limit*5/4 {
			fail("seed %s waits until %v", st.Seed, st.NextTry)
		}
	}
}

// TestMadeUpAddressesHideNone fills the addresses of a peer of the book with others, as anybody on the
// local network or in the DHT can.
func TestMadeUpAddressesHideNone(t *testing.T) {
	ids := newIDs(t, 1)
	p := testPlan(testConfig())
	p.load([]Entry{{ID: ids[0], Addrs: addrOf(0), LastSeen: start}}, start)
	var lan, told []ma.Multiaddr
	for i := range maxAddrs {
		lan, told = append(lan, addrOf(100+i)...), append(told, addrOf(200+i)...)
	}
	p.hear(start, peer.AddrInfo{ID: ids[0], Addrs: lan})
	p.introduce(peer.AddrInfo{ID: ids[0], Addrs: told}, start)
	jobs := p.due(start.Add(higherIDWaits))
	if len(jobs) != 1 {
		t.Fatalf("%d dials, want 1", len(jobs))
	}
	got := jobs[0].peer.Addrs
	for _, want := range []ma.Multiaddr{lan[0], told[0], addrOf(0)[0]} {
		if !ma.Contains(got, want) {
			t.Errorf("%v is not dialled, but %v", want, got)
		}
	}
}

// TestNewcomersDoNotStarveTheBook announces ever new peers, none of which answers, as anybody on the local
// network can.
func TestNewcomersDoNotStarveTheBook(t *testing.T) {
	ids := newIDs(t, 61)
	p := testPlan(testConfig())
	p.load([]Entry{{ID: ids[0], Addrs: addrOf(0), LastSeen: start, LastTried: start}}, start)
	now, next := start, 1
	for next < len(ids) {
		for range maxDialsOfKind {
			p.hear(now, infoOf(ids[next], next))
			next++
		}
		_, peers := names(p.due(now.Add(higherIDWaits)))
		if slices.Contains(peers, ids[0]) {
			return
		}
		now = now.Add(10 * time.Second)
		for _, id := range peers {
			p.peerDone(id, errTest, now)
		}
	}
	t.Errorf("the peer of the book is not dialled within %v", now.Sub(start))
}
