package integration

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
	"p2pchain/core/store"
)

var (
	scale      = flag.Int("scale", 1, "how many times larger the long tests are")
	stackSteps = flag.Int("stack-steps", 1500, "random steps of TestStackLosesNothing")
)

// A stack is chain, store and mempool as a node has them, without a network.
type stack struct {
	t     *testing.T
	n     *core.Network
	fs    vfs.FS
	store *store.Store
	chain *chain.Chain
	pool  *mempool.Pool
}

// open starts the stack from what is on its file system.
func (s *stack) open() {
	s.t.Helper()
	var err error
	log := slog.New(slog.DiscardHandler)
	if s.store, err = store.Open("store", s.n, store.Options{FS: s.fs, ReserveBytes: 1}); err != nil {
		s.t.Fatal(err)
	}
	cfg := chain.DefaultConfig()
	cfg.Log = log
	if s.chain, err = chain.Open(s.n, s.store, cfg); err != nil {
		s.t.Fatal(err)
	}
	poolCfg := mempool.DefaultConfig()
	poolCfg.Log, poolCfg.MemoryBytes = log, 20<<10 // most of what waits is on disk only
	if s.pool, err = mempool.Open(s.n, s.chain, s.store, poolCfg); err != nil {
		s.t.Fatal(err)
	}
}

// A tree remembers every block that was made, to build on any of them.
type madeTree struct {
	tips   []coretest.Tip
	parent []int
	holds  []map[core.Hash]bool // ids of the block alone
}

// onBranch reports whether a message stands in block i or below.
func (m *madeTree) onBranch(i int, id core.Hash) bool {
	for ; i > 0; i = m.parent[i] {
		if m.holds[i][id] {
			return true
		}
	}
	return false
}

// TestStackLosesNothing accepts messages, seals them on random branches that overtake each other,
// and starts anew at times. After every step each accepted message waits or is sealed on the best
// chain, never both and never neither, and a template is valid on its tip.
func TestStackLosesNothing(t *testing.T) {
	rng := random.Source(t)
	n := coretest.Network(t)
	s := &stack{t: t, n: n, fs: vfs.NewMem()}
	s.open()
	made := &madeTree{tips: []coretest.Tip{coretest.Genesis(n)}, parent: []int{0}, holds: []map[core.Hash]bool{nil}}
	accepted := make(map[core.Hash]*core.Message)
	var foreign, restarts int
	for step := range *stackSteps * *scale {
		switch p := rng.IntN(100); {
		case p < 55:
			m := coretest.Message(t, n, coretest.Key(rng.IntN(4)), fmt.Sprint("message ", step))
			if errs := s.pool.Add([]*core.Message{m}, mempool.Origin{}); errs[0] != nil {
				t.Fatal(errs[0])
			}
			accepted[m.ID] = m
		case p < 98:
			foreign += s.grow(rng, made, accepted, step)
		default:
			restarts++
			if err := s.store.Close(); err != nil {
				t.Fatal(err)
			}
			s.open()
		}
		if step%20 == 0 {
			s.checkAccepted(step, accepted)
		}
	}
	s.checkAccepted(*stackSteps, accepted)
	report, err := s.store.Check(context.Background(), true)
	if err != nil || len(report.Problems) > 0 {
		t.Errorf("check: %v, %v", report.Problems, err)
	}
	reorgs := s.reorgs()
	t.Logf("%d messages, %d blocks, %d reorgs, %d foreign messages, %d restarts", len(accepted), len(made.tips), reorgs, foreign, restarts)
	if reorgs < *stackSteps/50 || restarts == 0 || foreign == 0 {
		t.Error("the load did not happen")
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) reorgs() int {
	records, err := s.store.Reorgs(1 << 20)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(records)
}

// grow adds a block near the best tips, with some accepted messages and at times one that this
// node never saw. It returns the number of the latter.
func (s *stack) grow(rng *rand.Rand, made *madeTree, accepted map[core.Hash]*core.Message, step int) int {
	s.t.Helper()
	p := max(0, len(made.tips)-1-rng.IntN(6))
	var msgs []*core.Message
	ids := make(map[core.Hash]bool)
	_, ready, err := s.pool.Template(8, 1<<20)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range ready {
		if rng.IntN(3) > 0 && !made.onBranch(p, m.ID) {
			msgs, ids[m.ID] = append(msgs, m), true
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(accepted), core.Hash.Compare) { // some that another branch holds, perhaps
		m := accepted[id]
		if len(msgs) > 10 {
			break
		}
		if !ids[id] && !made.onBranch(p, id) {
			msgs, ids[id] = append(msgs, m), true
		}
	}
	foreign := 0
	if rng.IntN(4) == 0 {
		m := coretest.Message(s.t, s.n, coretest.Key(9), fmt.Sprint("foreign ", step))
		msgs, ids[m.ID] = append(msgs, m), true
		foreign++
	}
	b := coretest.NextWith(s.t, s.n, made.tips[p], func(h *core.Header) { h.Nonce = uint64(step) << 20 }, msgs...)
	if _, err := s.chain.AddBlocks([]*core.Block{b}); err != nil {
		s.t.Fatal(err)
	}
	made.tips = append(made.tips, made.tips[p].After(b))
	made.parent = append(made.parent, p)
	made.holds = append(made.holds, ids)
	return foreign
}

// checkAccepted looks every message up, and holds the template against the chain.
func (s *stack) checkAccepted(step int, accepted map[core.Hash]*core.Message) {
	s.t.Helper()
	tip, msgs, err := s.pool.Template(1000, 1<<20) // the pool's memory follows the chain by this

	if err != nil {
		s.t.Fatal(err)
	}
	if tip.Hash != s.chain.Tip().Hash {
		s.t.Fatalf("step %d: template on %v", step, tip.Hash)
	}
	for id := range accepted {
		_, err := s.chain.Locate(id)
		if err != nil && !errors.Is(err, chain.ErrNotFound) {
			s.t.Fatal(err)
		}
		if sealed, waits := err == nil, s.pool.Has(id); sealed == waits {
			s.t.Fatalf("step %d: message %v: sealed %v, waits %v", step, id, sealed, waits)
		}
	}
	for _, m := range msgs {
		if _, err := s.chain.Locate(m.ID); err == nil {
			s.t.Fatalf("step %d: template holds %v, which is sealed", step, m.ID)
		}
	}
	if _, bytes := s.store.WaitingTotals(); len(msgs) == 0 && bytes > 0 {
		s.t.Fatalf("step %d: messages wait, and none is in the template", step)
	}
}
