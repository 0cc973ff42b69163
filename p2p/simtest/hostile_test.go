package simtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/p2ptest"
)

// A siege is a simulated network with a node that is attacked.
type siege struct {
	*simulation
	t      *testing.T
	g      *ground
	honest *simNode
	victim *simNode // behind, and connected to the honest one
	log    *journal // the victim's

	mu      sync.Mutex // guards what is below
	memory  int64
	streams int
	asked   int
	latency time.Duration
}

// siegeLinks are what joins the nodes of a siege.
var siegeLinks = p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 10 * time.Millisecond, BitsPerSecond: 20_000_000}

// besiege runs a test in virtual time.
func besiege(t *testing.T, seed uint64, g *ground, test func(s *siege)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Hour) // so that no block is of the future
		s := &siege{simulation: simulate(t, seed, siegeLinks), t: t, g: g, log: new(journal)}
		s.honest = s.Start(g.n, config{})
		for blocks := range slices.Chunk(g.blocks, 500) {
			if _, err := s.honest.Chain.AddBlocks(blocks); err != nil {
				t.Fatal(err)
			}
		}
		s.victim = s.Start(g.n, config{Dials: []int{0}, Log: s.log})
		test(s)
	})
}

// unleash lets hostile peers loose on the victim until the test ends.
func (s *siege) unleash(all ...*p2ptest.Hostile) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{}, len(all))
	at := peer.AddrInfo{ID: s.victim.P2P.Host().ID(), Addrs: s.victim.P2P.Host().Addrs()}
	for _, h := range all {
		go func() {
			defer func() { ended <- struct{}{} }()
			if err := h.Run(ctx, at); err != nil {
				s.t.Errorf("%s: %v", h.Name, err)
			}
		}()
	}
	s.t.Cleanup(func() {
		cancel()
		for range all {
			<-ended
		}
	})
}

func (s *siege) guise() p2ptest.Guise {
	return p2ptest.Guise{Host: s.Host(), Network: s.g.n, Blocks: s.g.blocks}
}

// A ground is what sieges are fought for: an honest chain, and what hostile peers have instead.
type ground struct {
	n       *core.Network
	blocks  []*core.Block // of the honest node
	light   []core.Header // a branch of less work
	heavier []*core.Block // a branch of more work, whose messages nobody may see
}

func newGround(t *testing.T, length int, text string) *ground {
	t.Helper()
	n := coretest.Network(t)
	g := &ground{n: n}
	tip := coretest.Genesis(n)
	for i := range length {
		b := coretest.Next(t, n, tip, coretest.Message(t, n, coretest.Key(0), fmt.Sprint(text, i)))
		g.blocks, tip = append(g.blocks, b), tip.After(b)
	}
	g.light = coretest.Headers(coretest.Chain(t, n, coretest.Genesis(n), length/2, 0))
	fork := length / 2
	g.heavier = append(g.blocks[:fork:fork], coretest.Chain(t, n, tipOf(n, g.blocks[:fork]), length, 1)...)
	return g
}

func (g *ground) hashes() (out []core.Hash) {
	for _, b := range g.blocks {
		out = append(out, b.Header.Hash())
	}
	return out
}

// A kind of hostile peer, and for how long it is kept out after its first fault.
type kind struct {
	make func(t *testing.T, g *ground, guise p2ptest.Guise) *p2ptest.Hostile
	ban  time.Duration // 0: it may come back at once
}

const (
	forFaults  = 2 * time.Minute
	forSilence = 30 * time.Second
)

// kinds are all of p2ptest's.
func kinds() []kind {
	type (
		T = *testing.T
		G = *ground
		D = p2ptest.Guise
		H = *p2ptest.Hostile
	)
	plain := func(f func(D) H) func(T, G, D) H { return func(_ T, _ G, d D) H { return f(d) } }
	tested := func(f func(testing.TB, D) H) func(T, G, D) H { return func(t T, _ G, d D) H { return f(t, d) } }
	heavier := func(f func(D) H) func(T, G, D) H {
		return func(_ T, g G, d D) H { d.Blocks = g.heavier; return f(d) }
	}
	return []kind{
		{plain(p2ptest.Silent), forSilence},
		{plain(p2ptest.SlowDrip), 0},
		{plain(p2ptest.HeightLiar), forFaults},
		{func(_ T, g G, d D) H { return p2ptest.HeaderSpam(d, g.light) }, forFaults},
		{heavier(p2ptest.NoBodies), forFaults},
		{heavier(p2ptest.WithheldBodies), 0},
		{plain(p2ptest.MutatedBodies), forFaults},
		{func(t T, g G, d D) H { return p2ptest.OrphanFlood(t, d, &g.blocks[len(g.blocks)-1].Header) }, forFaults},
		{func(_ T, g G, d D) H { return p2ptest.NeverReading(d, g.hashes()) }, 0},
		{plain(p2ptest.Oversize), forFaults},
		{plain(p2ptest.OversizeGossip), forFaults},
		{plain(p2ptest.MalformedGossip), forFaults},
		{plain(p2ptest.ManySubscriptions), forFaults},
		{plain(p2ptest.SubscriptionFlood), forFaults},
		{tested(p2ptest.ForgedSpam), forFaults},
		{tested(p2ptest.ForeignSpam), forFaults},
		{func(t T, g G, d D) H { return p2ptest.Replay(d, coretest.Message(t, g.n, coretest.Key(3), "known")) }, forFaults},
	}
}

// What one hostile peer may cost at most, besides its place among the peers.
const (
	dropWithin   = 10 * time.Second // after its first fault
	mostMemory   = 4 << 20          // held on its behalf
	mostStreams  = 64
	mostLogLines = 6
	mostLatency  = 500 * time.Millisecond // of a request of somebody else
)

// TestHostilePeers lets each kind of hostile peer loose on a node. It is let go soon, costs little until
// then, and others are served meanwhile: a node that asks, and ours, which catches up with an honest one.
func TestHostilePeers(t *testing.T) {
	// Large blocks, so that who does not read them fills the windows of its streams.
	g := newGround(t, 160, strings.Repeat("sixteen letters ", 750))
	for _, k := range kinds() {
		t.Run(k.make(t, g, p2ptest.Guise{Network: g.n, Blocks: g.blocks}).Name, func(t *testing.T) {
			t.Parallel()
			besiege(t, random.Seed(t), g, func(s *siege) {
				h := k.make(t, g, s.guise())
				s.unleash(h)
				s.ask(g)
				for end := time.Now().Add(100 * time.Second); time.Now().Before(end) && h.Dropped().IsZero(); time.Sleep(50 * time.Millisecond) {
					s.weigh(h)
				}
				took := h.Dropped().Sub(h.FirstFault())
				if h.FirstFault().IsZero() { // it was let go for less
					took = 0
				}
				if h.Dropped().IsZero() || took > dropWithin {
					t.Fatalf("first fault at %v, dropped at %v, want within %v", h.FirstFault(), h.Dropped(), dropWithin)
				}
				s.keepsOut(h, k.ban)
				s.Within(time.Minute, "synced", s.synced)
				asked, latency := s.answered()
				t.Logf("dropped after %v; at most %d bytes, %d streams, %v for others; log %d lines", took,
					s.memory, s.streams, latency, len(s.log.lines(h.Host.ID().String())))
				if s.memory > mostMemory || s.streams > mostStreams {
					t.Errorf("held %d bytes and %d streams, want at most %d and %d", s.memory, s.streams, mostMemory, mostStreams)
				}
				if latency > mostLatency || asked == 0 {
					t.Errorf("%d requests of others took up to %v, want at most %v", asked, latency, mostLatency)
				}
				if lines := s.log.lines(h.Host.ID().String()); len(lines) > mostLogLines {
					t.Errorf("%d lines in the log: %q", len(lines), lines)
				}
			})
		})
	}
}

// weigh looks at what a hostile peer costs now.
func (s *siege) weigh(h *p2ptest.Hostile) {
	s.t.Helper()
	err := s.victim.P2P.Host().Network().ResourceManager().ViewPeer(h.Host.ID(), func(scope network.PeerScope) error {
		stat := scope.Stat()
		s.memory = max(s.memory, stat.Memory)
		s.streams = max(s.streams, stat.NumStreamsInbound+stat.NumStreamsOutbound)
		return nil
	})
	if err != nil {
		s.t.Errorf("looking at a peer's resources: %v", err)
	}
}

// ask has the honest node ask the victim twice a second, until the test ends.
func (s *siege) ask(g *ground) {
	client, err := exchange.NewClient(s.honest.P2P.Host(), g.n, exchange.DefaultConfig())
	if err != nil {
		s.t.Fatal(err)
	}
	s.Within(20*time.Second, "connected", func() bool { return len(s.honest.P2P.Peers()) == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ; ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
			begin := time.Now()
			_, err := client.Headers(ctx, s.victim.P2P.Host().ID(), []core.Hash{g.n.Genesis}, 100)
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				s.t.Errorf("somebody else's request: %v", err)
				return
			}
			s.mu.Lock()
			s.asked, s.latency = s.asked+1, max(s.latency, time.Since(begin))
			s.mu.Unlock()
		}
	}()
	s.t.Cleanup(func() { cancel(); <-ended })
}

// answered returns how many requests of others were answered, and the longest time that one took.
func (s *siege) answered() (asked int, latency time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.latency
}

// keepsOut holds that a peer which was dropped stays out for its ban and no longer.
func (s *siege) keepsOut(h *p2ptest.Hostile, ban time.Duration) {
	s.t.Helper()
	back := func() bool { return s.victim.P2P.Host().Network().Connectedness(h.Host.ID()) == network.Connected }
	if ban == forFaults { // TestBans has the end of it
		for end := h.Dropped().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if back() {
				s.t.Errorf("back after %v, want %v", time.Since(h.Dropped()), ban)
				return
			}
		}
		return
	}
	s.Within(ban+10*time.Second, "back after its ban", back)
	if out := time.Since(h.Dropped()); out < ban {
		s.t.Errorf("back after %v, want %v", out, ban)
	}
}

func tipOf(n *core.Network, blocks []*core.Block) coretest.Tip {
	tip := coretest.Genesis(n)
	for _, b := range blocks {
		tip = tip.After(b)
	}
	return tip
}

// TestSyncAmongHostilePeers has a fresh node meet nine different hostile peers and one honest one. It
// takes at most three times as long as without them, by the clock of the simulation, and lets each of
// them go soon after its first fault.
func TestSyncAmongHostilePeers(t *testing.T) {
	g := newGround(t, 3000, strings.Repeat("sixteen letters ", 50))
	besieged := kinds()[:9]
	names := make(map[string]bool)
	var clean, hostile time.Duration
	start := random.Seed(t) // of both, so that they differ in nothing else
	for _, with := range []bool{false, true} {
		besiege(t, start, g, func(s *siege) {
			begin := time.Now()
			var all []*p2ptest.Hostile
			for _, k := range besieged {
				h := k.make(t, g, s.guise())
				all, names[h.Name] = append(all, h), true
			}
			if !with {
				clean = s.Within(time.Minute, "synced", s.synced)
				return
			}
			s.unleash(all...)
			s.Within(time.Minute, "synced", s.synced)
			hostile = time.Since(begin)
			for _, h := range all {
				s.Within(2*time.Minute, "dropped: "+h.Name, func() bool { return !h.Dropped().IsZero() })
				if took := h.Dropped().Sub(h.FirstFault()); !h.FirstFault().IsZero() && took > dropWithin {
					t.Errorf("%s: dropped %v after its first fault", h.Name, took)
				}
				t.Logf("%-30s fault %v dropped %v", h.Name, h.FirstFault().Sub(begin), h.Dropped().Sub(begin))
			}
		})
	}
	t.Logf("synced after %v, and %v among hostile peers: %.1f times as long", clean, hostile, hostile.Seconds()/clean.Seconds())
	if hostile > 3*clean || len(names) != 9 {
		t.Errorf("%v among %d kinds of hostile peers, %v without: more than three times as long", hostile, len(names), clean)
	}
}

func (s *siege) synced() bool { return s.victim.Chain.Tip().Hash == s.honest.Chain.Tip().Hash }

// TestMaxPeers fills a node's places: whoever comes above them is let go at once, and those that the
// node dialled, and those that were there first, stay.
func TestMaxPeers(t *testing.T) {
	const most = 8
	n := coretest.Network(t)
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, 1, siegeLinks)
		for range 2 {
			s.Start(n, config{})
		}
		full := s.Start(n, config{Dials: []int{0, 1}, P2P: func(c *p2p.Config) { c.MaxPeers = most }})
		s.Within(30*time.Second, "two dialled", func() bool { return len(full.P2P.Peers()) == 2 })
		for range 12 {
			s.Start(n, config{Dials: []int{2}})
		}
		crowded := time.Duration(0)
		for range 3000 {
			time.Sleep(10 * time.Millisecond)
			if len(full.P2P.Host().Network().Peers()) > most {
				crowded += 10 * time.Millisecond
			}
		}
		out := 0
		for _, p := range full.P2P.Peers() {
			if p.Direction == p2p.Outbound {
				out++
			}
		}
		if got := len(full.P2P.Peers()); got != most || out != 2 || crowded > time.Second {
			t.Errorf("%d peers, %d of them dialled, want %d and 2; for %v there were more", got, out, most, crowded)
		}
	})
}
