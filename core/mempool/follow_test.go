package mempool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

func TestTemplateLimits(t *testing.T) {
	w := newWorld(t)
	msgs := w.messages("m", 9) // all of one size
	w.add(foreign, msgs...)
	size := msgs[0].Size()
	for _, tt := range []struct {
		name            string
		messages, bytes int
		want            int
	}{
		{"all", 100, 1 << 20, 9},
		{"number", 4, 1 << 20, 4},
		{"none", 0, 1 << 20, 0},
		{"bytes fit exactly", 100, core.HeaderSize + 5*size, 5},
		{"one byte short", 100, core.HeaderSize + 5*size - 1, 4},
		{"header alone", 100, core.HeaderSize, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got, err := w.pool.Template(tt.messages, tt.bytes)
			if err != nil || len(got) != tt.want {
				t.Errorf("template of %d messages (%v), want %d", len(got), err, tt.want)
			}
		})
	}
}

func TestTemplateFollowsReorg(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 4)
	w.add(local, m...)
	w.wantTemplate(m...)
	w.seal("genesis", "a1", m[0], m[1])
	w.wantTemplate(m[2], m[3])

	pokes, stop := w.pool.Subscribe()
	defer stop()
	w.seal("genesis", "b1", m[1], m[3]) // a1 and b1 are equal: whichever stays
	w.seal("b1", "b2")
	w.wantTemplate(m[2], m[0]) // given back, so behind what waited meanwhile
	select {
	case <-pokes:
	default:
		t.Error("no poke for what the reorg gave back")
	}
	w.seal("a1", "a2")
	w.seal("a2", "a3")
	w.wantTemplate(m[2], m[3])
}

// TestReorgBackAndForthUnseen moves the chain away and back between two looks: the message has a new
// place in the store's list and must still stand in the template once.
func TestReorgBackAndForthUnseen(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 2)
	w.add(local, m...)
	w.seal("genesis", "a1")
	w.wantTemplate(m...)
	w.seal("a1", "a2", m[0])
	w.seal("a1", "b2")
	w.seal("b2", "b3")
	w.seal("b3", "b4")
	w.wantTemplate(m...)
	w.seal("b4", "b5", m[0])
	w.wantTemplate(m[1])
}

// aheadChain is a chain whose store is already one step further: it tells of it only when asked to.
type aheadChain struct {
	*chain.Chain
	mu   sync.Mutex
	held *chain.Tip
}

func (a *aheadChain) Tip() chain.Tip {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.held != nil {
		return *a.held
	}
	return a.Chain.Tip()
}

// TestStoreAheadOfChain reads templates after the store committed a reorg and before the chain tells
// of it: what the reorg gave back is sealed on the tip that the template is for.
func TestStoreAheadOfChain(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 2)
	w.add(local, m...)
	w.seal("genesis", "a1", m[0])
	ahead := &aheadChain{Chain: w.chain}
	cfg := mempool.DefaultConfig()
	pool, err := mempool.Open(w.n, ahead, w.ledger, cfg)
	if err != nil {
		t.Fatal(err)
	}
	old := w.chain.Tip()
	ahead.held = &old
	w.seal("genesis", "b1")
	w.seal("b1", "b2") // gives m[0] back
	tip, got, err := pool.Template(10, 1<<20)
	if err != nil || tip.Hash != w.forks.Hash("a1") {
		t.Fatalf("template for %v, %v", tip.Hash, err)
	}
	for _, msg := range got {
		if msg.ID == m[0].ID {
			t.Error("the template holds a message that its tip has sealed")
		}
	}
	ahead.held = nil
	if tip, got, err = pool.Template(10, 1<<20); err != nil || len(got) != 2 || tip.Hash != w.forks.Hash("b2") {
		t.Errorf("template of %d messages for %v, %v", len(got), tip.Hash, err)
	}
}

// forgetfulChain knows nothing of where its followers stood.
type forgetfulChain struct{ *chain.Chain }

func (forgetfulChain) UpdatesSince(core.Hash, int) (chain.Update, error) {
	return chain.Update{}, chain.ErrNotFound
}

func TestStartsAnewWhenForgotten(t *testing.T) {
	w := newWorld(t)
	pool, err := mempool.Open(w.n, forgetfulChain{w.chain}, w.ledger, mempool.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	m := w.messages("m", 3)
	pool.Add(m, local)
	pool.Template(10, 1<<20)
	w.seal("genesis", "a1", m[1])
	tip, got, err := pool.Template(10, 1<<20)
	if err != nil || tip.Hash != w.forks.Hash("a1") || len(got) != 2 || got[0].ID != m[0].ID || got[1].ID != m[2].ID {
		t.Errorf("template of %q for %v, %v", texts(got), tip.Hash, err)
	}
}

// TestUnreadableMessage holds that one message that the disk lost does not keep others from a block.
func TestUnreadableMessage(t *testing.T) {
	w := newWorld(t)
	m := w.messages("m", 4)
	w.add(local, m...)
	w.open() // nothing in memory
	delete(w.ledger.messages, m[1].ID)
	bare := *m[3]
	bare.Body = nil
	w.ledger.messages[m[3].ID] = &bare
	w.wantTemplate(m[0], m[2])
	w.wantTemplate(m[0], m[2])
}

func TestStoreErrorsAreReported(t *testing.T) {
	w := newWorld(t)
	broken := errors.New("disk broken")
	pool, err := mempool.Open(w.n, w.chain, brokenStore{w.ledger, broken}, mempool.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := pool.Template(1, 1<<20); !errors.Is(err, broken) {
		t.Errorf("Template = %v", err)
	}
	if _, err := pool.Message(core.Hash{1}); !errors.Is(err, broken) {
		t.Errorf("Message = %v", err)
	}
}

type brokenStore struct {
	*ledger
	err error
}

func (b brokenStore) Waiting(uint64, int) (mempool.Page, error) { return mempool.Page{}, b.err }

func (b brokenStore) Lookup(core.Hash) (mempool.AcceptResult, error) {
	return mempool.Accepted, b.err
}

func TestRunFollowsAndEnds(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		m := w.messages("m", 5)
		w.ledger.onlyIDs(m[:2])
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.pool.Run(ctx) }()
		inMemory := func(want int) {
			t.Helper()
			synctest.Wait()
			if got := w.pool.Totals().InMemory; got != want {
				t.Errorf("%d messages in memory, want %d", got, want)
			}
		}
		inMemory(2)
		w.add(local, m[2:]...)
		inMemory(5)
		w.seal("genesis", "a1", m[:4]...)
		inMemory(1)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestTemplatesAreExact adds messages, connects blocks and reorganises at random while others take
// templates, and checks that no template holds a message that the branch of its tip has sealed, or
// one twice.
func TestTemplatesAreExact(t *testing.T) {
	w := newWorld(t, func(c *mempool.Config) { c.MemoryBytes = 60_000 })
	ctx, cancel := context.WithCancel(t.Context())
	var background, adders sync.WaitGroup
	background.Go(func() { w.pool.Run(ctx) })
	var templates [3]int
	for i := range templates {
		background.Go(func() {
			for ctx.Err() == nil {
				w.checkTemplate()
				templates[i]++
			}
		})
	}
	for i := range 3 {
		msgs := w.messages(string(rune('a'+i)), 300)
		adders.Go(func() {
			for len(msgs) > 0 {
				n := min(len(msgs), 1+i*4)
				w.pool.Add(msgs[:n], mempool.Origin{Peer: []string{"", "x", "y"}[i]})
				msgs = msgs[n:]
			}
		})
	}
	w.wander(random.Source(t), 150)
	adders.Wait()
	cancel()
	background.Wait()
	t.Logf("%v templates, tip at height %d, %d reorgs", templates, w.chain.Tip().Header.Height, len(w.ledger.Reorgs()))
	if len(w.ledger.Reorgs()) == 0 {
		t.Error("no reorg happened: the test proves little")
	}
	w.checkNothingLost(900)
}

// wander extends random recent blocks by messages that wait or that another branch sealed.
func (w *world) wander(r *rand.Rand, steps int) {
	tips := []coretest.Tip{coretest.Genesis(w.n)}
	for range steps {
		parent := tips[max(0, len(tips)-1-r.IntN(3))]
		sealed := w.sealedBy(parent.Hash)
		var msgs []*core.Message
		w.ledger.mu.Lock()
		for id, m := range w.ledger.messages {
			if len(msgs) < 12 && !sealed[id] {
				msgs = append(msgs, m)
			}
		}
		w.ledger.mu.Unlock()
		b := coretest.NextWith(w.t, w.n, parent, func(h *core.Header) { h.Nonce = uint64(r.Uint32()) }, msgs...)
		if _, err := w.chain.AddBlocks([]*core.Block{b}); err != nil {
			w.t.Errorf("block: %v", err)
			return
		}
		tips = append(tips, parent.After(b))
	}
}

// sealedBy returns the messages on the branch that ends with a block.
func (w *world) sealedBy(hash core.Hash) map[core.Hash]bool {
	out := make(map[core.Hash]bool)
	for hash != w.n.Genesis {
		b, err := w.chain.Block(hash)
		if err != nil {
			w.t.Errorf("block %v: %v", hash, err)
			return out
		}
		for _, m := range b.Messages {
			out[m.ID] = true
		}
		hash = b.Header.PreviousHash
	}
	return out
}

func (w *world) checkTemplate() {
	tip, msgs, err := w.pool.Template(50, 1<<20)
	if err != nil {
		w.t.Errorf("template: %v", err)
		return
	}
	sealed := w.sealedBy(tip.Hash)
	for _, m := range msgs {
		if sealed[m.ID] {
			w.t.Errorf("the template for height %d holds message %v twice or one that is sealed", tip.Header.Height, m.ID)
		}
		sealed[m.ID] = true
	}
}

// checkNothingLost holds that every message is sealed on the best chain or waits.
func (w *world) checkNothingLost(want int) {
	w.t.Helper()
	sealed := w.sealedBy(w.chain.Tip().Hash)
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	if got := len(sealed) + len(w.ledger.waiting); got != want {
		w.t.Errorf("%d messages sealed and %d waiting, want %d together", len(sealed), len(w.ledger.waiting), want)
	}
}
