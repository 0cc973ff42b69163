package bootstrap

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

var (
	start   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	errTest = errors.New("refused")
)

// newIDs makes peer ids in ascending order, the same ones each time.
func newIDs(t testing.TB, n int) []peer.ID {
	t.Helper()
	ids := make([]peer.ID, n)
	for i := range ids {
		seed := make([]byte, ed25519.SeedSize)
		binary.BigEndian.PutUint64(seed, uint64(i))
		pub, err := crypto.UnmarshalEd25519PublicKey(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		if ids[i], err = peer.IDFromPublicKey(pub); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(ids)
	return ids
}

func addrOf(i int) []ma.Multiaddr {
	return []ma.Multiaddr{ma.StringCast(fmt.Sprintf("/ip4/10.0.%d.%d/tcp/4001", i/256, i%256))}
}

func infoOf(id peer.ID, i int) peer.AddrInfo { return peer.AddrInfo{ID: id, Addrs: addrOf(i)} }

func seedOf(t testing.TB, id peer.ID, i int) Seed {
	t.Helper()
	s, err := ParseSeed(addrOf(i)[0].String() + "/p2p/" + id.String())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testPlan is a plan whose own id is lower than all of newIDs, so that it never gives way.
func testPlan(cfg Config) *plan {
	return newPlan(cfg, "\x00", mrand.New(mrand.NewPCG(1, 2)))
}

func testConfig(seeds ...Seed) Config {
	cfg := DefaultConfig("0123456789abcdef")
	cfg.Seeds = seeds
	return cfg
}

func names(jobs []job) (seeds int, peers []peer.ID) {
	for _, j := range jobs {
		if j.seed != nil {
			seeds++
		} else {
			peers = append(peers, j.peer.ID)
		}
	}
	return seeds, peers
}

func TestAnchorsAreDialledFirst(t *testing.T) {
	ids := newIDs(t, 8)
	p := testPlan(testConfig(seedOf(t, ids[6], 6), seedOf(t, ids[7], 7)))
	var entries []Entry
	for i, id := range ids[:6] {
		entries = append(entries, Entry{ID: id, Addrs: addrOf(i), Anchor: i >= 4})
	}
	// An anchor is dialled at once however often it failed.
	entries[5].Failures, entries[5].LastTried = 9, start
	p.load(entries, start)

	jobs := p.due(start)
	seeds, peers := names(jobs)
	if !slices.Equal(peers, ids[4:6]) || seeds != 2 || jobs[0].seed != nil || jobs[1].seed != nil {
		t.Fatalf("first dials are %v and %d seeds, want both anchors %v, then both seeds", peers, seeds, ids[4:6])
	}
	if more := p.due(start); len(more) != 0 {
		t.Fatalf("%d dials beyond the limit of %d", len(more), maxDials)
	}
	p.peerDone(ids[4], errTest, start)
	if _, peers := names(p.due(start)); !slices.Equal(peers, ids[:1]) {
		t.Errorf("then %v, want the first of the book %v", peers, ids[0])
	}
}

func TestDeadAnchorsDoNotHoldUpSeeds(t *testing.T) {
	ids := newIDs(t, 9)
	var seeds []Seed
	for i, id := range ids[4:] {
		seeds = append(seeds, seedOf(t, id, 4+i))
	}
	p := testPlan(testConfig(seeds...))
	var anchors []Entry
	for i, id := range ids[:4] {
		anchors = append(anchors, Entry{ID: id, Addrs: addrOf(i), Anchor: true})
	}
	p.load(anchors, start)
	if s, peers := names(p.due(start)); s != 1 || len(peers) != 3 {
		t.Errorf("%d seeds and %d anchors are dialled at once, want 1 and 3", s, len(peers))
	}
	p = testPlan(testConfig(seeds...))
	p.hear(start, infoOf(ids[0], 0))
	if s, peers := names(p.due(start)); s != 3 || len(peers) != 1 {
		t.Errorf("%d seeds and %d heard peers are dialled at once, want 3 and 1", s, len(peers))
	}
}

func TestRetryBacksOff(t *testing.T) {
	ids := newIDs(t, 1)
	p := testPlan(testConfig(seedOf(t, ids[0], 0)))
	now, want := start, 2*time.Second
	for try := range 12 {
		jobs := p.due(now)
		if len(jobs) != 1 {
			t.Fatalf("try %d: %d dials are due, want 1", try, len(jobs))
		}
		p.seedDone(jobs[0].seed, nil, "", errTest, now)
		if n := len(p.due(now)); n != 0 {
			t.Fatalf("try %d: retried at once", try)
		}
		next := p.wake(now)
		if wait := next.Sub(now); wait < want*3/4 || wait > want*5/4 {
			t.Errorf("try %d: next after %v, want %v give or take a quarter", try, wait, want)
		}
		now, want = next, min(2*want, 60*time.Second)
	}
	if st := p.seedStatuses()[0]; st.Failures != 12 || st.LastError != "refused" || st.Connected {
		t.Errorf("status %+v", st)
	}
}

func TestStableConnectionResetsBackoff(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lasts    time.Duration
		failures int
	}{
		{"stable", stableAfter, 1},
		{"ends early", stableAfter - 1, 6},
		{"ends before anybody looks", 0, 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids := newIDs(t, 1)
			p := testPlan(testConfig(seedOf(t, ids[0], 0)))
			now := start
			for range 5 {
				p.seedDone(p.due(now)[0].seed, nil, "", errTest, now)
				now = p.wake(now)
			}
			p.seedDone(p.due(now)[0].seed, []peer.AddrInfo{infoOf(ids[0], 0)}, ids[0], nil, now)
			if tt.lasts > 0 {
				p.observe(now, ids)
				if st := p.seedStatuses()[0]; !st.Connected || st.LastError != "" || st.Failures != 0 {
					t.Errorf("while connected: %+v", st)
				}
			}
			now = now.Add(tt.lasts)
			p.observe(now, nil)
			st := p.seedStatuses()[0]
			if st.Connected || st.Failures != tt.failures || st.LastError == "" {
				t.Errorf("after the end: %+v, want %d failures and a reason", st, tt.failures)
			}
			if !st.NextTry.After(now) {
				t.Errorf("next try at %v, not after %v", st.NextTry, now)
			}
		})
	}
}

// TestAddressesOfOneSeedShareTheirLines has a peer that was given with two addresses, as invites have
// it: its state is one, so it is said once.
func TestAddressesOfOneSeedShareTheirLines(t *testing.T) {
	ids := newIDs(t, 2)
	p := testPlan(testConfig(seedOf(t, ids[0], 0), seedOf(t, ids[0], 1), seedOf(t, ids[1], 2)))
	now := start
	var told []string
	look := func() {
		for _, c := range p.takeChanges() {
			told = append(told, fmt.Sprint(c.seed[len(c.seed)-4:], c.up))
		}
	}
	fail := func(n int) {
		for _, s := range p.seeds[:n] {
			p.seedFailed(s, errTest, now)
		}
		look()
	}
	last := func(id peer.ID) string { return id.String()[len(id.String())-4:] }
	fail(1) // its other address may do
	if len(told) > 0 {
		t.Errorf("log lines %v after one of two addresses failed, want none", told)
	}
	fail(3)
	p.observe(now, ids)
	look()
	now = now.Add(time.Minute)
	p.observe(now, ids[1:])
	look()
	want := []string{last(ids[0]) + "false", last(ids[1]) + "false", last(ids[0]) + "true", last(ids[1]) + "true", last(ids[0]) + "false"}
	if !slices.Equal(told, want) {
		t.Errorf("log lines (true: connected)\n%v, want\n%v", told, want)
	}
}

func TestSeedChangesAreLoggedOnce(t *testing.T) {
	ids := newIDs(t, 1)
	p := testPlan(testConfig(seedOf(t, ids[0], 0)))
	var told []bool
	look := func() {
		for _, c := range p.takeChanges() {
			told = append(told, c.up)
		}
	}
	now := start
	fail := func() {
		p.seedDone(p.due(now)[0].seed, nil, "", errTest, now)
		look()
		now = p.wake(now)
	}
	fail()
	fail()
	fail()
	for range 2 {
		p.observe(now, ids)
		look()
	}
	now = now.Add(time.Minute)
	p.observe(now, nil)
	look()
	now = p.wake(now)
	fail()
	if want := []bool{false, true, false}; !slices.Equal(told, want) {
		t.Errorf("log lines (true: connected) %v, want %v", told, want)
	}
}

func TestEnoughPeers(t *testing.T) {
	ids := newIDs(t, 12)
	cfg := testConfig(seedOf(t, ids[11], 11))
	cfg.WantPeers = 2
	p := testPlan(cfg)
	p.load([]Entry{{ID: ids[0], Addrs: addrOf(0)}, {ID: ids[1], Addrs: addrOf(1)}, {ID: ids[2], Addrs: addrOf(2)}}, start)
	p.observe(start, ids[5:6])
	seeds, peers := names(p.due(start))
	if seeds != 1 || len(peers) != 1 {
		t.Fatalf("one peer is missing and %d are dialled", len(peers))
	}
	p.observe(start, ids[5:7])
	p.peerDone(peers[0], errTest, start)
	if _, peers := names(p.due(start.Add(time.Hour))); len(peers) != 0 {
		t.Errorf("%d peers are dialled although there are enough", len(peers))
	}
	// A seed is still retried, but at the slowest rate from the first failure on.
	for _, s := range p.seeds {
		p.seedDone(s, nil, "", errTest, start)
	}
	if wait := p.wake(start).Sub(start); wait < 45*time.Second || wait > 75*time.Second {
		t.Errorf("seed retried after %v, want about a minute", wait)
	}
	p.observe(start, ids[5:6])
	if _, peers := names(p.due(start.Add(time.Hour))); len(peers) != 1 {
		t.Errorf("%d peers are dialled after one was lost, want 1", len(peers))
	}
}

func TestHear(t *testing.T) {
	ids := newIDs(t, 3)
	p := newPlan(testConfig(), ids[1], mrand.New(mrand.NewPCG(1, 2)))
	p.hear(start, infoOf(ids[1], 1))
	p.hear(start, peer.AddrInfo{ID: ids[0]})
	if len(p.contacts) != 0 {
		t.Fatal("took its own announcement, or one without addresses")
	}
	p.hear(start, infoOf(ids[0], 0))
	p.hear(start, infoOf(ids[2], 2))
	if _, peers := names(p.due(start)); !slices.Equal(peers, ids[2:]) {
		t.Fatalf("dials %v at once, want only the higher id %v", peers, ids[2])
	}
	if _, peers := names(p.due(start.Add(higherIDWaits))); !slices.Equal(peers, ids[:1]) {
		t.Fatalf("dials %v then, want the lower id %v", peers, ids[0])
	}

	// Failing, it is retried at least every 15 s while it announces itself, and at once at a new address.
	now := start
	for range 10 {
		p.peerDone(ids[2], errTest, now)
		now = now.Add(heardRetry)
		p.hear(now, infoOf(ids[2], 2))
		if _, peers := names(p.due(now)); !slices.Equal(peers, ids[2:]) {
			t.Fatalf("dials %v after %v, want %v", peers, heardRetry, ids[2])
		}
	}
	p.peerDone(ids[2], errTest, now)
	p.hear(now, infoOf(ids[2], 3))
	jobs := p.due(now)
	if len(jobs) != 1 || !sameAddrs(jobs[0].peer.Addrs, addrOf(3)) {
		t.Fatalf("dials %v after its address changed, want %v", jobs, addrOf(3))
	}
	p.peerDone(ids[2], errTest, now)
	p.peerDone(ids[0], errTest, now)
	p.save(now.Add(forgetAfter+1), nil, false)
	if len(p.contacts) != 0 {
		t.Errorf("%d silent peers are not forgotten", len(p.contacts))
	}
}

func TestHeardPeersAreBounded(t *testing.T) {
	ids := newIDs(t, maxPending+3)
	p := testPlan(testConfig())
	for i, id := range ids[:maxPending+1] {
		p.hear(start, infoOf(id, i))
	}
	if len(p.contacts) != maxPending || p.contacts[ids[maxPending]] != nil {
		t.Fatalf("%d pending, want %d, the first ones", len(p.contacts), maxPending)
	}
	failed := p.due(start)[0].peer.ID
	p.peerDone(failed, errTest, start)
	p.hear(start, infoOf(ids[maxPending+1], 1))
	if len(p.contacts) != maxPending || p.contacts[failed] != nil || p.contacts[ids[maxPending+1]] == nil {
		t.Errorf("a newcomer does not take the place of one that failed")
	}
}

func TestKick(t *testing.T) {
	ids := newIDs(t, 2)
	p := testPlan(testConfig(seedOf(t, ids[0], 0)))
	p.load([]Entry{{ID: ids[1], Addrs: addrOf(1)}}, start)
	now := start
	for range 8 {
		for _, j := range p.due(now) {
			if j.seed != nil {
				p.seedDone(j.seed, nil, "", errTest, now)
			} else {
				p.peerDone(j.peer.ID, errTest, now)
			}
		}
		now = p.wake(now)
	}
	p.kick(now)
	if n := len(p.due(now.Add(maxKickDelay))); n != 2 {
		t.Errorf("%d of 2 are retried within %v after the network changed", n, maxKickDelay)
	}
}
