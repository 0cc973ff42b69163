package forget

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/document"
	"p2pchain/core/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// source pokes its subscribers when a test says so.
type source struct {
	mu  sync.Mutex
	all []chan struct{}
}

func (s *source) Subscribe() (<-chan struct{}, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := make(chan struct{}, 1)
	s.all = append(s.all, ch)
	return ch, func() {}
}

func (s *source) poke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ch := range s.all {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

// world is a store that a Forgetter looks after.
type world struct {
	t           *testing.T
	net         *core.Network
	store       *store.Store
	chain, pool source
	tip         coretest.Tip
	f           *Forgetter
	files       atomic.Int32 // times that the files were written anew
	archive     atomic.Bool
	log         lockedLog
}

// lockedLog is a log that a test reads while others write.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// begin starts a Forgetter on a new store; the test ends with a check of it.
func begin(t *testing.T, edits ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, net: coretest.Network(t)}
	var err error
	w.store, err = store.Open("store", w.net, store.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	w.tip = coretest.Genesis(w.net)
	cfg := DefaultConfig()
	cfg.Log = slog.New(slog.NewTextHandler(&w.log, nil))
	cfg.Archive = w.archive.Load
	cfg.Files = func(context.Context) error { w.files.Add(1); return nil }
	for _, edit := range edits {
		edit(&cfg)
	}
	if w.f, err = New(w.store, &w.chain, &w.pool, cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		report, err := w.store.Check(context.Background(), true)
		if err := errors.Join(err, report.Err(), w.store.Close()); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
	return w
}

// block connects a block, and pokes.
func (w *world) block(msgs ...*core.Message) {
	w.t.Helper()
	b := coretest.Next(w.t, w.net, w.tip, msgs...)
	w.tip = w.tip.After(b)
	now := uint64(time.Now().UnixMilli())
	if err := w.store.Commit(chain.Change{Store: []chain.Stored{{Hash: w.tip.Hash, SeenMS: now, Block: b}}, Apply: []core.Hash{w.tip.Hash}}); err != nil {
		w.t.Fatal(err)
	}
	w.chain.poke()
	synctest.Wait()
}

func (w *world) blocks(n int) {
	for range n {
		w.block()
	}
}

func (w *world) accept(msgs ...*core.Message) {
	w.t.Helper()
	if _, err := w.store.Accept(msgs, false, uint64(time.Now().UnixMilli())); err != nil {
		w.t.Fatal(err)
	}
	w.pool.poke()
	synctest.Wait()
}

// want says how a message was erased: not at all, marked, settled, or gone.
func (w *world) want(m *core.Message, want string) {
	w.t.Helper()
	found, err := w.store.Erased(m.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	got := "no"
	switch e := found[0]; {
	case e == nil:
	case e.Gone:
		got = "gone"
	case e.Settled:
		got = "settled"
	default:
		got = "marked"
	}
	if got != want {
		w.t.Errorf("message is %s, want %s", got, want)
	}
}

func wish(t *testing.T, n *core.Network, key int, target core.Hash) *core.Message {
	return coretest.MessageWith(t, n, coretest.Key(key), string(target[:]), func(m *core.Message) { m.MediaType = document.EraseType })
}

// The wish of an author is honoured from the pool, hidden at once, and done when the block is settled.
func TestHonour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		own, other := coretest.Message(t, w.net, coretest.Key(0), "own"), coretest.Message(t, w.net, coretest.Key(1), "other")
		w.accept(wish(t, w.net, 0, own.ID), wish(t, w.net, 0, other.ID))
		w.block(own, other)
		w.want(own, "marked")
		w.blocks(5)
		w.want(own, "marked")
		w.blocks(1)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.want(own, "gone")
		w.want(other, "no")
		if w.files.Load() != 1 {
			t.Errorf("files were written anew %d times, want once", w.files.Load())
		}
		if s := w.f.Status(); s.Erased != 1 || s.Due != 0 || s.LowestFull != 0 || s.Pruning != PruningOff {
			t.Errorf("Status = %+v", s)
		}
	})
}

func TestHonourNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(c *Config) { c.Honour = false })
		own := coretest.Message(t, w.net, coretest.Key(0), "own")
		w.accept(own, wish(t, w.net, 0, own.ID))
		time.Sleep(time.Minute)
		synctest.Wait()
		w.want(own, "no")
	})
}

// What the operator erases goes when the block is an hour old, if no blocks come.
func TestEraseByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t)
		m := coretest.Message(t, w.net, coretest.Key(0), "m")
		if err := w.f.Erase(t.Context(), chain.Erasure{ID: m.ID}); !errors.Is(err, chain.ErrNotFound) {
			t.Errorf("Erase of nothing = %v, want ErrNotFound", err)
		}
		w.block(m)
		if err := w.f.Erase(t.Context(), chain.Erasure{ID: m.ID, TimeMS: uint64(time.Now().UnixMilli())}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		w.want(m, "marked")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		w.want(m, "gone")
	})
}

// Files that cannot be written keep the errand, and are tried again.
func TestFilesFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		w := begin(t, func(c *Config) {
			c.Files = func(context.Context) error {
				if broken.Load() {
					return errors.New("disk on fire")
				}
				return nil
			}
		})
		m := coretest.Message(t, w.net, coretest.Key(0), "m")
		w.block(m)
		w.blocks(6)
		if err := w.f.Erase(t.Context(), chain.Erasure{ID: m.ID}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		w.want(m, "settled")
		if n := strings.Count(w.log.String(), "disk on fire"); n != 1 {
			t.Errorf("it was logged %d times, want once", n)
		}
		broken.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.want(m, "gone")
	})
}

// Old payloads are dropped only while some peer has them all.
func TestPruneNeedsArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, func(c *Config) { c.PruneAfter = time.Hour })
		ask := wish(t, w.net, 0, core.Hash{1})
		for i := range 20 { // a block each 200 ms by their clocks
			msgs := coretest.Messages(t, w.net, string(rune('a'+i)), 3)
			if i == 0 {
				msgs = append(msgs, ask)
			}
			w.block(msgs...)
		}
		time.Sleep(time.Hour + 16*time.Second) // all are old enough
		synctest.Wait()
		if s := w.f.Status(); s.Pruning != PruningRefused || s.Pruned.Height != 0 || s.PruneAfter != time.Hour {
			t.Errorf("Status = %+v, want a refusal", s)
		}
		w.archive.Store(true)
		time.Sleep(16 * time.Second)
		synctest.Wait()
		s := w.f.Status()
		if s.Pruning != PruningDone || s.Pruned.Height != 14 || s.Pruned.Bodies != 14*3 || s.LowestFull != 15 {
			t.Errorf("Status = %+v, want all blocks but the last six pruned", s)
		}
		if w.files.Load() != 1 {
			t.Errorf("files were written anew %d times, want once", w.files.Load())
		}
		if m, err := w.store.Message(ask.ID); err != nil || m.Body == nil {
			t.Errorf("a message that asks to forget lost its body: %v", err)
		}
		if n := strings.Count(w.log.String(), "old payloads are kept"); n != 1 {
			t.Errorf("the refusal was logged %d times, want once", n)
		}
		w.blocks(1)
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if s := w.f.Status(); s.Pruned.Height != 15 {
			t.Errorf("pruned up to %d, want 15", s.Pruned.Height)
		}
	})
}

func TestOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int64
		w := begin(t, func(c *Config) {
			c.PruneAfter, c.Now = time.Hour, func() time.Time { return time.UnixMilli(now.Load()) }
		})
		w.blocks(30)
		for _, tt := range []struct {
			age  time.Duration // of the last block that is old enough, above an hour
			want uint64
		}{{0, 0}, {200 * time.Millisecond, 1}, {399 * time.Millisecond, 1}, {5 * time.Second, 25}, {time.Hour, 30}} {
			now.Store(int64(w.net.Params.GenesisTimeMS) + (time.Hour + tt.age).Milliseconds())
			if got, err := w.f.oldest(); got != tt.want || err != nil {
				t.Errorf("%v: oldest = %d, %v, want %d", tt.age, got, err, tt.want)
			}
		}
	})
}

func TestValidate(t *testing.T) {
	for name, edit := range map[string]func(*Config){
		"short":    func(c *Config) { c.PruneAfter = time.Minute },
		"negative": func(c *Config) { c.PruneAfter = -time.Hour },
		"never":    func(c *Config) { c.Every = 0 },
		"no log":   func(c *Config) { c.Log = nil },
	} {
		cfg := DefaultConfig()
		edit(&cfg)
		if cfg.Validate() == nil {
			t.Errorf("%s: Validate = nil", name)
		}
	}
}
