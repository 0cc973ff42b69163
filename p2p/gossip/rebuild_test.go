package gossip

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
)

// A rebuildCase is a block that is announced, and what becomes of it.
type rebuildCase struct {
	name      string
	known     []*core.Message     // waiting
	sealed    *core.Block         // on our chain, beside the announced one
	block     *core.Block         // what is to be rebuilt
	announced []step              // by the first of which it is forwarded
	sources   map[peer.ID]*source // who may be asked; others must not be
	pool      func(Pool) Pool     // in place of the real one
	questions []string            // in this order; nil: any
	punished  []peer.ID
	left      bool          // to the syncer
	atMost    time.Duration // of virtual time
}

// A step is an announcement.
type step struct {
	from peer.ID
	data []byte
}

func TestRebuild(t *testing.T) {
	n := coretest.Network(t)
	for _, tt := range append(rebuildsOfGood(t, n), rebuildsOfBad(t, n)...) {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.try(t, n) })
		})
	}
}

func (tt *rebuildCase) try(t *testing.T, n *core.Network) {
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
}

// rebuildsOfGood are about what is known here, and short ids that tell too little.
func rebuildsOfGood(t *testing.T, n *core.Network) []rebuildCase {
	m := coretest.Messages(t, n, "m", 40)
	genesis := coretest.Genesis(n)
	b := coretest.Next(t, n, genesis, m...)
	twin := coretest.Resigned(t, coretest.Key(0), m[7])
	other := coretest.Message(t, n, coretest.Key(3), "other")
	twinned := coretest.Next(t, n, genesis, slices.Concat(m[:7], []*core.Message{twin}, m[8:])...)
	sealed := coretest.NextWith(t, n, genesis, func(h *core.Header) { h.Nonce = 1 << 40 }, m[10:30]...)
	return []rebuildCase{
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
	}
}

// rebuildsOfBad are about announcers that are of no help.
func rebuildsOfBad(t *testing.T, n *core.Network) []rebuildCase {
	m := coretest.Messages(t, n, "m", 40)
	b := coretest.Next(t, n, coretest.Genesis(n), m...)
	other := coretest.Message(t, n, coretest.Key(3), "other")
	oneWrong := func(i int, m *core.Message) *core.Message {
		if i == 39 {
			return other
		}
		return m
	}
	return []rebuildCase{
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
