package mempool_test

import (
	"errors"
	"log/slog"
	"slices"
	"sort"
	"sync"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/mempool"
)

// A ledger is a chain.Store and a mempool.Store in memory, as plain as can be.
type ledger struct {
	*coretest.MemStore
	mu       sync.Mutex
	seq      uint64
	waiting  []mempool.Waiting // ascending by Seq
	messages map[core.Hash]*core.Message
	bytes    int64
	notes    []mempool.Note

	// Hooks, called without the lock.
	onAccept func(msgs []*core.Message) error // before anything is stored
	onStored func()                           // after that, while Accept waits for the disk
}

func newLedger(n *core.Network) *ledger {
	return &ledger{MemStore: coretest.NewMemStore(n), messages: make(map[core.Hash]*core.Message)}
}

// Commit implements chain.Store.
func (l *ledger) Commit(c chain.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.MemStore.Commit(c); err != nil {
		return err
	}
	applied := make(map[core.Hash]bool)
	for _, hash := range c.Apply {
		for _, m := range l.block(hash).Messages {
			l.messages[m.ID] = m
			applied[m.ID] = true
		}
	}
	l.forget(applied)
	for _, hash := range slices.Backward(c.Revert) {
		for _, m := range l.block(hash).Messages {
			if !applied[m.ID] {
				l.wait(m, true, 0)
			}
		}
	}
	return nil
}

func (l *ledger) block(hash core.Hash) *core.Block {
	b, err := l.Block(hash)
	if err != nil {
		panic(err)
	}
	return b
}

func (l *ledger) wait(m *core.Message, local bool, nowMS uint64) {
	l.seq++
	l.waiting = append(l.waiting, mempool.Waiting{Seq: l.seq, ID: m.ID, Size: m.Size(), Local: local, AcceptedMS: nowMS})
	l.messages[m.ID] = m
	l.bytes += int64(m.Size())
}

func (l *ledger) forget(ids map[core.Hash]bool) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w mempool.Waiting) bool {
		if ids[w.ID] {
			l.bytes -= int64(w.Size)
		}
		return ids[w.ID]
	})
}

// lookup asks the chain's index and the list; the caller holds the lock.
func (l *ledger) lookup(id core.Hash) mempool.AcceptResult {
	if slices.ContainsFunc(l.waiting, func(w mempool.Waiting) bool { return w.ID == id }) {
		return mempool.AlreadyWaiting
	}
	places, _ := l.Places(id)
	for _, p := range places[0] {
		if at, err := l.HashAt(p.Height); err == nil && at == p.Block {
			return mempool.AlreadySealed
		}
	}
	return mempool.Accepted
}

// Lookup implements mempool.Store.
func (l *ledger) Lookup(id core.Hash) (mempool.AcceptResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lookup(id), nil
}

// Accept implements mempool.Store.
func (l *ledger) Accept(msgs []*core.Message, local bool, nowMS uint64) ([]mempool.AcceptResult, error) {
	if l.onAccept != nil {
		if err := l.onAccept(msgs); err != nil {
			return nil, err
		}
	}
	out, err := l.accept(msgs, local, nowMS)
	if l.onStored != nil {
		l.onStored()
	}
	return out, err
}

// AcceptOwn implements mempool.Store.
func (l *ledger) AcceptOwn(msgs []*core.Message, nowMS uint64, own mempool.Own) ([]mempool.AcceptResult, error) {
	out, err := l.Accept(msgs, true, nowMS)
	if err != nil {
		return out, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, note := range own.Notes {
		n := *note
		n.AtMS = nowMS
		for i := range n.Messages {
			at := slices.IndexFunc(msgs, func(m *core.Message) bool { return m.ID == n.Messages[i].ID })
			if n.Messages[i].Result != mempool.Refused {
				n.Messages[i].Result = out[at]
			}
		}
		l.notes = append(l.notes, n)
	}
	return out, nil
}

// Note implements mempool.Store.
func (l *ledger) Note(key core.Hash, first int, nowMS uint64) (mempool.Note, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.notes {
		if n.Key == key && n.First == first && n.AtMS+uint64(mempool.NoteAge.Milliseconds()) > nowMS {
			return n, nil
		}
	}
	return mempool.Note{}, chain.ErrNotFound
}

func (l *ledger) accept(msgs []*core.Message, local bool, nowMS uint64) ([]mempool.AcceptResult, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]mempool.AcceptResult, len(msgs))
	ids := make(map[core.Hash]bool)
	for i, m := range msgs {
		if ids[m.ID] {
			return nil, errors.New("a message stands twice in a batch")
		}
		ids[m.ID] = true
		if out[i] = l.lookup(m.ID); out[i] == mempool.Accepted {
			l.wait(m, local, nowMS)
		}
	}
	return out, nil
}

// Waiting implements mempool.Store.
func (l *ledger) Waiting(after uint64, limit int) (mempool.Page, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tip, err := l.Tip()
	start := sort.Search(len(l.waiting), func(i int) bool { return l.waiting[i].Seq > after })
	end := min(len(l.waiting), start+limit)
	return mempool.Page{Tip: tip, Messages: slices.Clone(l.waiting[start:end])}, err
}

// Message implements mempool.Store.
func (l *ledger) Message(id core.Hash) (*core.Message, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m, ok := l.messages[id]; ok {
		return m, nil
	}
	return nil, chain.ErrNotFound
}

// WaitingTotals implements mempool.Store.
func (l *ledger) WaitingTotals() (int, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting), l.bytes
}

// A world is a pool on a real chain over a ledger.
type world struct {
	t      testing.TB
	n      *core.Network
	ledger *ledger
	chain  *chain.Chain
	pool   *mempool.Pool
	forks  *coretest.Forks
}

func newWorld(t testing.TB, edits ...func(*mempool.Config)) *world {
	t.Helper()
	n := coretest.Network(t)
	w := &world{t: t, n: n, ledger: newLedger(n), forks: coretest.NewForks(t, n)}
	cfg := chain.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	var err error
	if w.chain, err = chain.Open(n, w.ledger, cfg); err != nil {
		t.Fatal(err)
	}
	w.open(edits...)
	return w
}

// open opens the pool, anew where there was one.
func (w *world) open(edits ...func(*mempool.Config)) {
	w.t.Helper()
	cfg := mempool.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	if w.pool, err = mempool.Open(w.n, w.chain, w.ledger, cfg); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) messages(prefix string, count int) []*core.Message {
	return coretest.Messages(w.t, w.n, prefix, count)
}

// add adds messages that must all be accepted.
func (w *world) add(from mempool.Origin, msgs ...*core.Message) {
	w.t.Helper()
	for i, err := range w.pool.Add(msgs, from) {
		if err != nil {
			w.t.Fatalf("message %d: %v", i, err)
		}
	}
}

// seal puts a named block with messages onto a named parent and into the chain.
func (w *world) seal(parent, name string, msgs ...*core.Message) {
	w.t.Helper()
	b := w.forks.Next(parent, name, msgs...)
	if _, err := w.chain.AddBlocks([]*core.Block{b}); err != nil {
		w.t.Fatalf("block %s: %v", name, err)
	}
}

// template returns all that a template holds and checks that it is for the chain's tip.
func (w *world) template() []*core.Message {
	w.t.Helper()
	tip, msgs, err := w.pool.Template(32768, 8<<20)
	if err != nil {
		w.t.Fatal(err)
	}
	if tip.Hash != w.chain.Tip().Hash {
		w.t.Fatalf("template for %v, tip is %v", tip.Hash, w.chain.Tip().Hash)
	}
	return msgs
}

func (w *world) wantTemplate(want ...*core.Message) {
	w.t.Helper()
	got := w.template()
	if !slices.EqualFunc(got, want, func(a, b *core.Message) bool { return a.ID == b.ID }) {
		w.t.Fatalf("template of %q, want %q", texts(got), texts(want))
	}
}

func texts(msgs []*core.Message) []string {
	out := make([]string, len(msgs))
	for i, m := range msgs {
		out[i] = string(m.Body.Payload)
	}
	return out
}
