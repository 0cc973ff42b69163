package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
	"p2pchain/p2p/exchange"
)

// A yard is a desk whose rebuilder runs, and peers that are asked for parts of blocks.
type yard struct {
	*desk
	t *testing.T
	n *core.Network

	mu        sync.Mutex // guards what is below
	sources   map[peer.ID]*source
	questions []string // to whom, what
	filled    int      // messages asked for
	offered   []*core.Block
	told      []peer.ID // announcers that the syncer was told of
}

// A source is a peer that is asked.
type source struct {
	block  *core.Block
	absent int  // answers by which it does not have the block yet
	silent bool // it never answers
	edit   func(i int, m *core.Message) *core.Message
	leaves error // its answer to a question for leaves
}

// newYard must be called in a bubble. Its rebuilder runs until the test ends.
func newYard(t *testing.T, n *core.Network, edits ...func(*mempool.Config)) *yard {
	t.Helper()
	y := &yard{desk: newDesk(t, n, edits...), t: t, n: n, sources: make(map[peer.ID]*source)}
	y.rebuilder.parts, y.rebuilder.syncer, y.syncer = y, y, y
	return y
}

// run lets the rebuilder work until all that it does has ended, or for this long.
func (y *yard) run(limit time.Duration) (took time.Duration) {
	y.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { y.rebuilder.run(ctx) })
	begun := time.Now()
	for synctest.Wait(); y.busy() && time.Since(begun) < limit; synctest.Wait() {
		time.Sleep(time.Millisecond)
	}
	took = time.Since(begun)
	cancel()
	running.Wait()
	return took
}

func (y *yard) busy() bool {
	y.rebuilder.mu.Lock()
	defer y.rebuilder.mu.Unlock()
	return len(y.rebuilder.all) > 0
}

func (y *yard) source(p peer.ID, what string) *source {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.questions = append(y.questions, string(p)+" "+what)
	s := y.sources[p]
	if s == nil {
		y.t.Errorf("%s was asked for %s", string(p), what)
		return &source{}
	}
	return s
}

// has waits as long as the peer does.
func (s *source) has(ctx context.Context, block core.Hash) error {
	if s.silent {
		<-ctx.Done()
		return fmt.Errorf("%w: %w", exchange.ErrTransport, ctx.Err())
	}
	if s.absent--; s.absent >= 0 || s.block == nil || s.block.Header.Hash() != block {
		return exchange.ErrAbsent
	}
	return nil
}

func (y *yard) Fill(ctx context.Context, p peer.ID, block core.Hash, at []int) ([]*core.Message, error) {
	s := y.source(p, fmt.Sprintf("%d messages", len(at)))
	if err := s.has(ctx, block); err != nil {
		return nil, err
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.filled += len(at)
	var out []*core.Message
	for _, i := range at {
		m := s.block.Messages[i]
		if s.edit != nil {
			m = s.edit(i, m)
		}
		out = append(out, m)
	}
	return out, nil
}

func (y *yard) Leaves(ctx context.Context, p peer.ID, h *core.Header) ([]core.Leaf, error) {
	s := y.source(p, "leaves")
	if err := s.has(ctx, h.Hash()); err != nil || s.leaves != nil {
		return nil, errors.Join(err, s.leaves)
	}
	return s.block.Leaves(), nil
}

func (y *yard) Announced(p peer.ID, _ *core.Header) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.told = append(y.told, p)
}

func (y *yard) Offer(b *core.Block) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.offered = append(y.offered, b)
}

// announce gives the announcement of a block as it comes from a peer, and says whether it is to be
// forwarded.
func (y *yard) announce(p peer.ID, data []byte) bool {
	y.t.Helper()
	err := y.takeAnnouncement(p, data)
	if err != nil && !errors.Is(err, errNotForwarded) {
		y.t.Fatalf("takeAnnouncement = %v", err)
	}
	return err == nil
}

// seal puts a block on the chain.
func (y *yard) seal(b *core.Block) {
	y.t.Helper()
	if _, err := y.chain.AddBlocks([]*core.Block{b}); err != nil {
		y.t.Fatal(err)
	}
}

// wantBlock fails unless exactly this block was rebuilt, in a form that the chain takes.
func (y *yard) wantBlock(b *core.Block) {
	y.t.Helper()
	if len(y.offered) != 1 || y.offered[0].Header != b.Header {
		y.t.Fatalf("%d blocks rebuilt, asked %q, stats %+v", len(y.offered), y.questions, y.Stats().Rebuilds)
	}
	for i, m := range y.offered[0].Messages {
		if string(m.Bytes()) != string(b.Messages[i].Bytes()) {
			y.t.Errorf("message %d is another one", i)
		}
	}
	y.seal(y.offered[0])
}

func TestRebuild(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	genesis := coretest.Genesis(n)
	b := coretest.Next(t, n, genesis, m...)
	twin := coretest.Resigned(t, coretest.Key(0), m[7])
	other := coretest.Message(t, n, coretest.Key(3), "other")
	twinned := coretest.Next(t, n, genesis, append(append([]*core.Message{}, m[:7]...), append([]*core.Message{twin}, m[8:]...)...)...)
	sealed := coretest.NextWith(t, n, genesis, func(h *core.Header) { h.Nonce = 1 << 40 }, m[10:30]...)
	oneWrong := func(i int, m *core.Message) *core.Message {
		if i == 39 {
			return other
		}
		return m
	}
	type step struct {
		from peer.ID
		data []byte
	}
	for _, tt := range []struct {
		name      string
		known     []*core.Message
		sealed    *core.Block
		block     *core.Block
		announced []step
		sources   map[peer.ID]*source
		pool      func(Pool) Pool
		questions []string
		punished  []peer.ID
		left      bool
		atMost    time.Duration
	}{
		{name: "all known", known: m, block: b, announced: []step{{"a", encodeCompact(b)}}},
		{name: "one missing", known: m[1:], block: b, announced: []step{{"a", encodeCompact(b)}},
			sources: map[peer.ID]*source{"a": {block: b}}, questions: []string{"a 1 messages"}},
		{name: "half missing", known: m[20:], block: b, announced: []step{{"a", encodeCompact(b)}},
			sources: map[peer.ID]*source{"a": {block: b}}, questions: []string{"a 20 messages"}},
		{name: "nearly all missing", known: m[:5], block: b, announced: []step{{"a", encodeCompact(b)}}, left: true},
		{name: "signed twice", known: m, block: twinned, announced: []step{{"a", encodeCompact(twinned)}},
			sources: map[peer.ID]*source{"a": {block: twinned}}, questions: []string{"a 1 messages"}},
		{name: "signed twice, made-up short ids", known: m, block: twinned, announced: []step{{"a", MadeUp(twinned, 1)}},
			sources: map[peer.ID]*source{"a": {block: twinned}}, questions: []string{"a leaves"}},
		{name: "sealed on our branch", known: append(m[:10:10], m[30:]...), sealed: sealed, block: b, announced: []step{{"a", encodeCompact(b)}}},
		{name: "made-up short ids", known: m, block: b, announced: []step{{"a", MadeUp(b, 1)}},
			sources: map[peer.ID]*source{"a": {block: b}}, questions: []string{"a leaves"}},
		{name: "made-up short ids, then true ones", known: m, block: b, announced: []step{{"a", MadeUp(b, 1)}, {"b", encodeCompact(b)}}},
		{name: "many made-up short ids", known: m[1:], block: b,
			announced: []step{{"a", MadeUp(b, 1)}, {"b", MadeUp(b, 2)}, {"c", MadeUp(b, 3)}, {"d", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {}, "b": {}, "c": {}, "d": {block: b}},
			questions: []string{"a leaves", "b leaves", "c leaves", "d leaves", "a 1 messages", "b 1 messages", "c 1 messages", "d 1 messages"}},
		{name: "another message of the short id waits", known: append(m[:39:39], other), block: b, announced: []step{{"a", encodeCompact(b)}},
			pool:    func(p Pool) Pool { return &ground{p, 39, other} },
			sources: map[peer.ID]*source{"a": {block: b}}, questions: []string{"a leaves", "a 1 messages"}},
		{name: "both messages of the short id wait", known: append(m[:40:40], other), block: b, announced: []step{{"a", encodeCompact(b)}},
			pool:    func(p Pool) Pool { return &ground{p, 39, nil} },
			sources: map[peer.ID]*source{"a": {block: b}}, questions: []string{"a 1 messages"}},
		{name: "the announcer does not have it yet", known: m[1:], block: b, announced: []step{{"a", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {block: b, absent: 2}},
			questions: []string{"a 1 messages", "a 1 messages", "a 1 messages"}, atMost: 100 * time.Millisecond},
		{name: "another announcer has it", known: m[1:], block: b, announced: []step{{"a", encodeCompact(b)}, {"b", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {}, "b": {block: b}},
			questions: []string{"a 1 messages", "b 1 messages"}, atMost: 10 * time.Millisecond},
		{name: "a silent announcer", known: m[1:], block: b, announced: []step{{"a", encodeCompact(b)}, {"b", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {silent: true}, "b": {block: b}},
			questions: []string{"a 1 messages", "b 1 messages"}, atMost: askTime + 10*time.Millisecond},
		{name: "a wrong body", known: m[:39], block: b, announced: []step{{"a", encodeCompact(b)}, {"b", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {block: b, edit: func(_ int, m *core.Message) *core.Message { return rebodied(m) }}, "b": {block: b}},
			questions: []string{"a 1 messages", "b 1 messages"}, punished: []peer.ID{"a"}},
		{name: "no body", known: m[:39], block: b, announced: []step{{"a", encodeCompact(b)}, {"b", encodeCompact(b)}},
			sources: map[peer.ID]*source{"a": {block: b, edit: func(_ int, m *core.Message) *core.Message {
				bare := *m
				bare.Body = nil
				return &bare
			}}, "b": {block: b}},
			questions: []string{"a 1 messages", "b 1 messages"}},
		// That it is wrong shows by the leaves, which have the root.
		{name: "a wrong message", known: m[:39], block: b, announced: []step{{"a", encodeCompact(b)}, {"b", encodeCompact(b)}},
			sources:   map[peer.ID]*source{"a": {block: b, edit: oneWrong}, "b": {block: b}},
			questions: []string{"a 1 messages", "a leaves", "b 1 messages"}, punished: []peer.ID{"a"}},
		{name: "a wrong message for known leaves", known: m[:39], block: b, announced: []step{{"a", MadeUp(b, 1)}, {"b", MadeUp(b, 1)}},
			sources:   map[peer.ID]*source{"a": {block: b, edit: oneWrong}, "b": {block: b}},
			questions: []string{"a leaves", "a 1 messages", "b 1 messages"}, punished: []peer.ID{"a"}},
		{name: "wrong leaves", known: m, block: b, announced: []step{{"a", MadeUp(b, 1)}, {"b", MadeUp(b, 1)}},
			sources:   map[peer.ID]*source{"a": {block: b, leaves: exchange.ErrProtocol}, "b": {block: b}},
			questions: []string{"a leaves", "b leaves"}, punished: []peer.ID{"a"}},
		{name: "all to blame", known: m, block: b, announced: []step{{"a", MadeUp(b, 1)}},
			sources:   map[peer.ID]*source{"a": {block: b, leaves: exchange.ErrProtocol}},
			questions: []string{"a leaves"}, punished: []peer.ID{"a"}, left: true},
		{name: "nobody ever has it", known: m[1:], block: b, announced: []step{{"a", encodeCompact(b)}},
			sources: map[peer.ID]*source{"a": {}}, left: true, atMost: rebuildTime + 10*time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(t, n)
				y.sources = tt.sources
				if tt.pool != nil {
					y.rebuilder.pool = tt.pool(y.pool)
				}
				y.say(t, tt.known...)
				if tt.sealed != nil {
					y.say(t, tt.sealed.Messages...)
					y.seal(tt.sealed)
					if _, _, err := y.pool.Template(1, 1<<20); err != nil { // follows the chain
						t.Fatal(err)
					}
				}
				for i, s := range tt.announced {
					if got := y.announce(s.from, s.data); got != (i == 0) {
						t.Errorf("announcement %d is to be forwarded: %v", i, got)
					}
				}
				if len(y.offered) > 0 || len(y.questions) > 0 {
					t.Error("the validator waited for the rebuild")
				}
				if took := y.run(time.Minute); took > tt.atMost {
					t.Errorf("took %v, at most %v", took, tt.atMost)
				}
				if tt.questions != nil && !slices.Equal(y.questions, tt.questions) {
					t.Errorf("asked %q, want %q", y.questions, tt.questions)
				}
				if !slices.Equal(y.punished, tt.punished) {
					t.Errorf("punished %v, want %v", y.punished, tt.punished)
				}
				var all []peer.ID
				for _, s := range tt.announced {
					all = append(all, s.from)
				}
				if !slices.Equal(y.told, all) {
					t.Errorf("the syncer knows that %v have it, want %v", y.told, all)
				}
				if s := y.Stats().Rebuilds; tt.left {
					if len(y.offered) > 0 || s.Left != 1 {
						t.Errorf("%d blocks rebuilt, %+v; want it left to the syncer", len(y.offered), s)
					}
					return
				}
				y.wantBlock(tt.block)
			})
		})
	}
}

// A ground pool finds another message at one position than the block holds, or does not know which:
// somebody who knew the block's hash looked for a message of the same short id.
type ground struct {
	Pool
	at int
	m  *core.Message
}

func (g *ground) Match(block core.Hash, short []core.ShortID, sealed []core.Hash) ([]*core.Message, error) {
	out, err := g.Pool.Match(block, short, sealed)
	out[g.at] = g.m
	return out, err
}

// Messages for which memory has no room are found on disk.
func TestRebuildFromDisk(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n, func(c *mempool.Config) { c.MemoryBytes = 2000 })
		y.say(t, m...)
		if in := y.pool.Totals().InMemory; in > 10 {
			t.Fatalf("%d messages in memory: this tests nothing", in)
		}
		y.announce("a", encodeCompact(b))
		y.run(time.Second)
		y.wantBlock(b)
	})
}

// Blocks that follow each other are rebuilt at the same time, though the second has no parent yet.
func TestRebuildInARow(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	first := coretest.Next(t, n, coretest.Genesis(n), m[:20]...)
	second := coretest.Next(t, n, coretest.Genesis(n).After(first), m[20:]...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.say(t, m...)
		for _, b := range []*core.Block{first, second} {
			if !y.announce("a", encodeCompact(b)) {
				t.Error("not forwarded at once")
			}
		}
		y.run(time.Second)
		if len(y.offered) != 2 {
			t.Fatalf("%d blocks rebuilt", len(y.offered))
		}
		slices.SortFunc(y.offered, func(a, b *core.Block) int { return int(a.Header.Height) - int(b.Header.Height) })
		y.seal(y.offered[0])
		y.seal(y.offered[1])
	})
}

// Nobody can have us rebuild without end: neither one peer, nor all, nor one header.
func TestRebuildQuotas(t *testing.T) {
	n := coretest.Network(t)
	blocks := make([]*core.Block, 40)
	for i := range blocks {
		blocks[i] = coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.Nonce = uint64(i) << 32 }, coretest.Messages(t, n, "m", 3)...)
	}
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		for i, b := range blocks[:rebuildsPerPeer+1] {
			y.announce("a", encodeCompact(b))
			if got := len(y.told) > 0; got != (i == rebuildsPerPeer) {
				t.Errorf("block %d of one peer is left to the syncer: %v", i, got)
			}
		}
		for i, b := range blocks[rebuildsPerPeer:maxRebuilds] {
			y.announce(peer.ID(fmt.Sprint(i)), encodeCompact(b))
		}
		if len(y.told) != 1 || len(y.rebuilder.all) != maxRebuilds {
			t.Fatalf("%d rebuilds, %d left; want %d and 1", len(y.rebuilder.all), len(y.told), maxRebuilds)
		}
		y.announce("z", encodeCompact(blocks[maxRebuilds]))
		if len(y.told) != 2 || y.told[1] != "z" {
			t.Errorf("one more is not left to the syncer: %v", y.told)
		}
		one := y.rebuilder.all[blocks[0].Header.Hash()]
		for i := range 100 {
			y.announce("a", MadeUp(blocks[0], byte(i+1)))
			y.announce(peer.ID(fmt.Sprintf("more/%d", i)), MadeUp(blocks[0], byte(i+1)))
		}
		if len(one.announcers) != maxAnnouncers || len(one.versions) != maxVersions {
			t.Errorf("%d announcers and %d versions for one header", len(one.announcers), len(one.versions))
		}
	})
}

// A header buys one rebuild: what comes later goes to the syncer.
func TestOneRebuildForOneHeader(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 4)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.announce("a", encodeCompact(b))
		y.run(time.Minute)
		if len(y.told) != 1 {
			t.Fatalf("told of %v", y.told)
		}
		for i := range 10 {
			if y.announce("b", MadeUp(b, byte(i+1))) {
				t.Error("one header is forwarded twice")
			}
		}
		if y.busy() || len(y.told) != 11 {
			t.Errorf("rebuilt again: %v, told of %v", y.busy(), y.told)
		}
	})
}

// A block that comes by another way needs no more questions.
func TestRebuildEndsWhenTheBlockIsThere(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"] = &source{}
		y.say(t, m[1:]...)
		y.announce("a", encodeCompact(b))
		go func() {
			time.Sleep(time.Second)
			y.seal(b)
		}()
		if took := y.run(time.Minute); took < time.Second || took > time.Second+2*maxPause {
			t.Errorf("took %v", took)
		}
		if y.chain.State(b.Header.Hash()) != chain.Connected || len(y.offered) > 0 || y.Stats().Rebuilds.Left != 0 {
			t.Errorf("%d offered, %+v", len(y.offered), y.Stats().Rebuilds)
		}
	})
}

// A peer that announces the block while the others are waited for is asked at once.
func TestLateAnnouncerIsAskedAtOnce(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"], y.sources["b"] = &source{}, &source{block: b}
		y.say(t, m[1:]...)
		y.announce("a", encodeCompact(b))
		const late = time.Second + maxPause/3 // by then a is asked once in maxPause
		go func() {
			time.Sleep(late)
			y.announce("b", encodeCompact(b))
		}()
		if took := y.run(time.Minute); took > late+2*time.Millisecond {
			t.Errorf("took %v, announced after %v", took, late)
		}
		y.wantBlock(b)
	})
}

// A header whose root no leaves give costs its maker the work, and nobody else anything but time.
func TestRebuildOfNoBlock(t *testing.T) {
	n := coretest.Network(t)
	for _, count := range []uint32{0, 3} {
		b := coretest.NextWith(t, n, coretest.Genesis(n), func(h *core.Header) { h.MessageRoot, h.MessageCount = core.Hash{1}, count })
		data := append(startAnnouncement(kindCompact, &b.Header, 0), make([]byte, core.ShortIDSize*count)...)
		synctest.Test(t, func(t *testing.T) {
			y := newYard(t, n)
			y.sources["a"] = &source{}
			y.say(t, coretest.Messages(t, n, "m", 5)...)
			y.announce("a", data)
			if took := y.run(time.Minute); took > rebuildTime+time.Second {
				t.Errorf("%d messages: took %v", count, took)
			}
			if len(y.offered) > 0 || len(y.punished) > 0 {
				t.Errorf("%d messages: %d rebuilt, punished %v", count, len(y.offered), y.punished)
			}
		})
	}
}

// A rebuilt block with a bad signature is condemned when the chain judges it, as any other.
func TestRebuiltBlockIsJudged(t *testing.T) {
	n := coretest.Network(t)
	m := coretest.Messages(t, n, "m", 40)
	bad := coretest.Next(t, n, coretest.Genesis(n), append(m[:39:39], resigned(m[39]))...)
	synctest.Test(t, func(t *testing.T) {
		y := newYard(t, n)
		y.sources["a"] = &source{block: bad}
		y.say(t, m...)
		y.announce("a", encodeCompact(bad))
		y.run(time.Minute)
		if len(y.offered) != 1 || len(y.punished) > 0 {
			t.Fatalf("%d rebuilt, punished %v", len(y.offered), y.punished)
		}
		if _, err := y.chain.AddBlocks(y.offered); !errors.Is(err, consensus.ErrSignature) {
			t.Errorf("AddBlocks = %v, want ErrSignature", err)
		}
	})
}
