package gossip

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/peer"
	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A desk judges what tests hand it: a Gossip without a host, on a real chain and pool.
type desk struct {
	*Gossip
	chain *chain.Chain
	pool  *mempool.Pool

	mu        sync.Mutex // guards what is below
	now       time.Time
	announced []core.Hash
	offered   []core.Hash
	punished  []peer.ID
	poked     []peer.ID
}

func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

// pass lets time pass for chain and gossip.
func (d *desk) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) Announced(_ peer.ID, h *core.Header) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.announced = append(d.announced, h.Hash())
}

func (d *desk) Offer(b *core.Block) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offered = append(d.offered, b.Header.Hash())
}

func (d *desk) Poke(p peer.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.poked = append(d.poked, p)
}

func (d *desk) Punish(p peer.ID, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.punished = append(d.punished, p)
}

func newDesk(t *testing.T, n *core.Network, edits ...func(*mempool.Config)) *desk {
	t.Helper()
	s, err := store.Open("store", n, store.Options{FS: vfs.NewMem(), OnFatal: func(err error) { t.Errorf("store: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	d := &desk{now: time.UnixMilli(int64(n.Params.GenesisTimeMS)).Add(time.Hour)}
	log := slog.New(slog.DiscardHandler)
	chains, pools, cfg := chain.DefaultConfig(), mempool.DefaultConfig(), DefaultConfig()
	chains.Log, pools.Log, cfg.Log = log, log, log
	cfg.Now = d.clock
	chains.Now = cfg.Now
	for _, edit := range edits {
		edit(&pools)
	}
	if d.chain, err = chain.Open(n, s, chains); err != nil {
		t.Fatal(err)
	}
	if d.pool, err = mempool.Open(n, d.chain, s, pools); err != nil {
		t.Fatal(err)
	}
	if d.Gossip, err = New(nil, n, d.chain, d.pool, nil, d, d, cfg); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) say(t *testing.T, msgs ...*core.Message) {
	t.Helper()
	for _, err := range d.pool.Add(msgs, mempool.Origin{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// resigned returns the message with another signature, which is a bad one.
func resigned(m *core.Message) *core.Message {
	out := *m
	out.Signature[0] ^= 1
	return &out
}

// rebodied returns the message with another body.
func rebodied(m *core.Message) *core.Message {
	out := *m
	out.Body = &core.Body{Payload: make([]byte, m.PayloadSize)}
	return &out
}

func TestBundleVerdicts(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 8)
	foreign := coretest.Messages(t, coretest.Network(t, func(p *core.Params) { p.Name = "other" }), "m", 1)
	for _, tt := range []struct {
		name   string
		known  []*core.Message // waiting before
		sealed []*core.Message // in a block before
		bundle []*core.Message
		want   error
		taken  int
	}{
		{name: "all new", bundle: m[:4], taken: 4},
		{name: "one new", bundle: m[:1], taken: 1},
		{name: "half new", known: m[:2], bundle: m[:4], taken: 2},
		{name: "less than half new", known: m[:3], bundle: m[:5], want: errNotForwarded, taken: 2},
		{name: "nothing new", known: m[:4], bundle: m[:4], want: errNotForwarded},
		{name: "nothing new, sealed", sealed: m[:4], bundle: m[:4], want: errNotForwarded},
		{name: "half sealed", sealed: m[:2], bundle: m[:4], taken: 2},
		{name: "a bad signature", bundle: []*core.Message{m[0], resigned(m[1]), m[2]}, want: consensus.ErrSignature, taken: 2},
		{name: "a wrong body", bundle: []*core.Message{m[0], rebodied(m[1])}, want: core.ErrBodyMismatch, taken: 1},
		{name: "a known one with a bad signature", known: m[:1],
			bundle: []*core.Message{resigned(m[0]), m[1]}, want: consensus.ErrSignature, taken: 1},
		{name: "a known one with a wrong body", known: m[:1],
			bundle: []*core.Message{rebodied(m[0]), m[1]}, want: core.ErrBodyMismatch, taken: 1},
		{name: "a sealed one with a bad signature", sealed: m[:1],
			bundle: []*core.Message{resigned(m[0]), m[1]}, want: consensus.ErrSignature, taken: 1},
		{name: "of another network", bundle: foreign, want: consensus.ErrSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, n)
			d.say(t, tt.known...)
			if len(tt.sealed) > 0 {
				b := coretest.Next(t, n, coretest.Genesis(n), tt.sealed...)
				if _, err := d.chain.AddBlocks([]*core.Block{b}); err != nil {
					t.Fatal(err)
				}
			}
			before := d.pool.Totals().Count
			if err := d.takeBundle("a", bundle(t, tt.bundle...)); !errors.Is(err, tt.want) {
				t.Errorf("takeBundle = %v, want %v", err, tt.want)
			}
			if got := d.pool.Totals().Count - before; got != tt.taken {
				t.Errorf("%d messages taken, want %d", got, tt.taken)
			}
		})
	}
}

// What came by another way than gossip is new to those behind us.
func TestUnspreadMessagesAreForwarded(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 6)
	d := newDesk(t, n)
	r := newReconciler(d.pool, &shelf{msgs: m[:3]}, d, d.unspread, d.cfg)
	r.round(t.Context(), &reconciled{id: "a"})
	if err := d.takeBundle("b", bundle(t, resigned(m[0]), m[1])); !errors.Is(err, consensus.ErrSignature) {
		t.Errorf("reconciled messages with another signature: %v, want ErrSignature", err)
	}
	if err := d.takeBundle("b", bundle(t, m[:3]...)); err != nil {
		t.Errorf("reconciled messages: %v, want them forwarded", err)
	}
	if err := d.takeBundle("c", bundle(t, m[2], m[1], m[0])); !errors.Is(err, errNotForwarded) {
		t.Errorf("the same again: %v, want errNotForwarded", err)
	}
	if err := d.takeBundle("b", bundle(t, m[:4]...)); !errors.Is(err, errNotForwarded) {
		t.Errorf("one new message of four: %v, want errNotForwarded", err)
	}
	if err := d.takeBundle("b", bundle(t, m[3])); err != nil {
		t.Errorf("the one that was taken and not forwarded: %v, want it forwarded", err)
	}
}

func TestBundleWithoutRoomIsNobodysFault(t *testing.T) {
	n := coretest.Network(t)
	d := newDesk(t, n, func(c *mempool.Config) { c.MaxBytes = 1 })
	err := d.takeBundle("a", bundle(t, coretest.Messages(t, n, "m", 2)...))
	if !errors.Is(err, mempool.ErrFull) || consensus.ClassOf(err) == consensus.Broken {
		t.Errorf("takeBundle = %v, want ErrFull", err)
	}
}

func TestVerdictPunishesBrokenRulesOnly(t *testing.T) {
	d := newDesk(t, coretest.Network(t))
	for i, err := range []error{nil, errNotForwarded, errors.New("disk"), mempool.ErrFull, fmt.Errorf("x: %w", consensus.ErrSignature)} {
		want := []string{"accept", "ignore", "ignore", "ignore", "reject"}[i]
		if got := []string{"accept", "reject", "ignore"}[d.verdict("a", err)]; got != want {
			t.Errorf("verdict(%v) = %s, want %s", err, got, want)
		}
	}
	if len(d.punished) != 1 {
		t.Errorf("punished %d times, want once", len(d.punished))
	}
}

func TestAnnouncementVerdicts(t *testing.T) {
	n := coretest.Network(t)
	f := coretest.NewForks(t, n)
	f.Chain("genesis", coretest.Names("a", 1, 3)...)
	f.Chain("a1", "b2", "b3") // as much work as a3
	f.Next("a2", "c3", coretest.Messages(t, n, "c", 2)...)
	f.Chain("a3", "a4", "a5")
	edited := func(edit func(*core.Header)) []byte {
		b := coretest.NextWith(t, n, f.Tip("a3"), edit)
		return encodeHeader(&b.Header)
	}
	whole := func(name string) []byte { return encodeWhole(f.Block(name)) }
	alone := func(name string) []byte { return encodeHeader(&f.Block(name).Header) }
	swapped := encodeWhole(&core.Block{Header: f.Block("a4").Header, Messages: coretest.Messages(t, n, "other", 1)})
	unsealed := f.Block("a4").Header
	for unsealed.Nonce++; consensus.CheckPow(n, nil, &unsealed) == nil; unsealed.Nonce++ {
	}
	for _, tt := range []struct {
		name      string
		data      []byte
		want      error
		announced bool
		offered   bool
	}{
		{"whole", whole("a4"), nil, true, true},
		{"header", alone("a4"), nil, true, false},
		{"as much work as the tip", whole("b3"), errNotForwarded, true, false}, // its parent is not here
		{"side block of as much work", whole("c3"), nil, true, true},
		{"parent unknown", whole("a5"), errNotForwarded, true, false},
		{"less work than the tip", whole("b2"), errNotForwarded, false, false},
		{"connected", whole("a3"), errNotForwarded, false, false},
		{"no proof of work", encodeHeader(&unsealed), consensus.ErrHashAboveTarget, false, false},
		{"target over the floor", edited(func(h *core.Header) { h.Bits = 0x20ffffff }), consensus.ErrBits, false, false},
		{"wrong time", edited(func(h *core.Header) { h.TimeMS = 1 }), consensus.ErrTimeNotAfterParent, false, false},
		{"time in the future", edited(func(h *core.Header) { h.TimeMS += 2 * 3600e3 }), consensus.ErrTimeInFuture, false, false},
		{"messages of another block", swapped, consensus.ErrMessageRoot, false, false},
		{"not an announcement", []byte("hello"), core.ErrMalformed, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, n)
			if _, err := d.chain.AddBlocks([]*core.Block{f.Block("a1"), f.Block("a2"), f.Block("a3")}); err != nil {
				t.Fatal(err)
			}
			if err := d.takeAnnouncement("a", tt.data); !errors.Is(err, tt.want) {
				t.Errorf("takeAnnouncement = %v, want %v", err, tt.want)
			}
			if got := len(d.announced) > 0; got != tt.announced {
				t.Errorf("announced to the syncer: %v", got)
			}
			if got := len(d.offered) > 0; got != tt.offered {
				t.Errorf("offered to the syncer: %v", got)
			}
		})
	}
}

func TestOneHeaderIsForwardedOnce(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 1)...)
	kinds := map[string][]byte{
		"whole": encodeWhole(b), "header": encodeHeader(&b.Header), "compact": encodeCompact(b), "made-up compact": MadeUp(b, 1),
	}
	for first, data := range kinds {
		for second, again := range kinds {
			t.Run(first+", "+second, func(t *testing.T) {
				d := newDesk(t, n)
				if err := d.takeAnnouncement("a", data); err != nil {
					t.Errorf("the first: %v", err)
				}
				for _, p := range []peer.ID{"a", "b"} {
					if err := d.takeAnnouncement(p, again); !errors.Is(err, errNotForwarded) {
						t.Errorf("the second: %v, want errNotForwarded", err)
					}
				}
				if got := len(d.offered) > 0; got != (first == "whole" || second == "whole") {
					t.Errorf("offered to the syncer: %v", got)
				}
			})
		}
	}
}

// What does not fit a header must not keep the true block from being taken and forwarded.
func TestMisfitDoesNotHarmTheBlock(t *testing.T) {
	n := coretest.Network(t)
	b := coretest.Next(t, n, coretest.Genesis(n), coretest.Messages(t, n, "m", 1)...)
	for name, messages := range map[string][]*core.Message{
		"other messages": coretest.Messages(t, n, "other", 1),
		"another body":   {rebodied(b.Messages[0])},
		"none":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, n)
			err := d.takeAnnouncement("a", encodeWhole(&core.Block{Header: b.Header, Messages: messages}))
			if consensus.ClassOf(err) != consensus.Broken {
				t.Errorf("the misfit: %v, want a broken rule", err)
			}
			if err := d.takeAnnouncement("b", encodeWhole(b)); err != nil || len(d.offered) != 1 {
				t.Errorf("the true block: %v, offered %d times", err, len(d.offered))
			}
		})
	}
}

func TestCondemnedBlockPunishesNobody(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 1)
	bad := coretest.Next(t, n, coretest.Genesis(n), resigned(m[0]))
	child := coretest.Next(t, n, coretest.Genesis(n).After(bad))
	d := newDesk(t, n)
	if err := d.takeAnnouncement("a", encodeWhole(bad)); err != nil {
		t.Fatalf("a bad signature does not show before it is forwarded: %v", err)
	}
	if _, err := d.chain.AddBlocks([]*core.Block{bad}); !errors.Is(err, consensus.ErrSignature) {
		t.Fatalf("AddBlocks = %v", err)
	}
	for _, b := range []*core.Block{bad, child} {
		if err := d.takeAnnouncement("b", encodeWhole(b)); !errors.Is(err, errNotForwarded) {
			t.Errorf("takeAnnouncement = %v, want errNotForwarded", err)
		}
	}
}

// A new neighbour in a mesh is asked for what was forwarded before it was one.
func TestGraft(t *testing.T) {
	d := newDesk(t, coretest.Network(t))
	d.PeerUp("a")
	p := d.reconciler.next()
	if p == nil || p.id != "a" || d.reconciler.next() != nil {
		t.Fatal("a new peer is not reconciled with once")
	}
	d.reconciler.done(p, false)
	d.tracer.Graft("a", d.topics.Messages)
	if len(d.poked) > 0 || d.Stats().Mesh != 0 {
		t.Error("the mesh of messages counts for that of blocks")
	}
	if p := d.reconciler.next(); p == nil || p.id != "a" {
		t.Error("not reconciled again after the graft")
	}
	d.tracer.Graft("a", d.topics.Blocks)
	if !slices.Equal(d.poked, []peer.ID{"a"}) {
		t.Errorf("poked %v, want a", d.poked)
	}
	d.tracer.Graft("b", d.topics.Blocks)
	if got := d.Stats().Mesh; got != 1 {
		t.Errorf("mesh of %d, want 1", got)
	}
	d.tracer.OnClosedOutboundStream("a")
	d.tracer.Prune("b", d.topics.Blocks)
	if got := d.Stats().Mesh; got != 0 {
		t.Errorf("mesh of %d after all left", got)
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	r := newRecent(3)
	hash := func(i byte) core.Hash { return core.Hash{i} }
	for i := range byte(4) {
		if !r.add(hash(i)) {
			t.Errorf("hash %d is not new", i)
		}
	}
	if r.add(hash(3)) || r.add(hash(1)) || !r.add(hash(0)) {
		t.Error("want 3 and 1 known, and 0 forgotten")
	}
	if len(r.in) != 3 {
		t.Errorf("holds %d hashes, want 3", len(r.in))
	}
}
