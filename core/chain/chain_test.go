package chain_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

func config() chain.Config {
	cfg := chain.DefaultConfig()
	cfg.Log = slog.New(slog.DiscardHandler)
	return cfg
}

// open returns a chain on a store; edit may change its configuration.
func open(t *testing.T, n *core.Network, s chain.Store, edit ...func(*chain.Config)) *chain.Chain {
	t.Helper()
	cfg := config()
	for _, f := range edit {
		f(&cfg)
	}
	c, err := chain.Open(n, s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// setup returns a chain on a new memory store and an empty tree of named blocks.
func setup(t *testing.T, edit ...func(*chain.Config)) (*chain.Chain, *coretest.MemStore, *coretest.Forks) {
	t.Helper()
	n := coretest.Network(t)
	s := coretest.NewMemStore(n)
	return open(t, n, s, edit...), s, coretest.NewForks(t, n)
}

func mustAdd(t *testing.T, c *chain.Chain, blocks ...*core.Block) {
	t.Helper()
	if n, err := c.AddBlocks(blocks); err != nil || n != len(blocks) {
		t.Fatalf("AddBlocks = %d, %v; want %d", n, err, len(blocks))
	}
}

func wantTip(t *testing.T, c *chain.Chain, f *coretest.Forks, name string) {
	t.Helper()
	tip := c.Tip()
	if tip.Hash != f.Hash(name) {
		t.Fatalf("tip is %v at height %d, want %s", tip.Hash, tip.Header.Height, name)
	}
	if at, err := c.HashAt(tip.Header.Height); err != nil || at != tip.Hash {
		t.Errorf("HashAt(%d) = %v, %v; want the tip", tip.Header.Height, at, err)
	}
	if tip.History.Root() != f.Tip(name).History.Root() {
		t.Errorf("history of the tip is not that of %s", name)
	}
}

func TestReorgToMoreWork(t *testing.T) {
	c, s, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", "a1", "a2", "a3")...)
	wantTip(t, c, f, "a3")
	mustAdd(t, c, f.Chain("a1", "b2")...)
	wantTip(t, c, f, "a3")
	if got := c.State(f.Hash("b2")); got != chain.SideBlock {
		t.Errorf("state of b2 = %v, want a side block", got)
	}
	mustAdd(t, c, f.Chain("b2", "b3", "b4")...)
	wantTip(t, c, f, "b4")

	u, err := c.UpdatesSince(f.Hash("a3"), 100)
	if err != nil {
		t.Fatal(err)
	}
	if want := []core.Hash{f.Hash("a3"), f.Hash("a2")}; !slices.Equal(u.Reverted, want) {
		t.Errorf("reverted %v, want a3 a2", u.Reverted)
	}
	if want := []core.Hash{f.Hash("b2"), f.Hash("b3"), f.Hash("b4")}; !slices.Equal(u.Applied, want) {
		t.Errorf("applied %v, want b2 b3 b4", u.Applied)
	}
	if r := s.Reorgs(); len(r) != 1 || r[0].Reverted != 2 || r[0].Applied != 3 || r[0].Fork != f.Hash("a1") {
		t.Errorf("reorgs recorded: %+v", r)
	}
	forks := c.Forks()
	if len(forks) != 1 || forks[0].Tip != f.Hash("a3") || forks[0].Length != 2 || !forks[0].Stored {
		t.Errorf("forks = %+v, want a3 of length 2", forks)
	}
	id := f.Block("a2").Messages[0].ID
	if _, err := c.Locate(id); !errors.Is(err, chain.ErrNotFound) {
		t.Errorf("message of the abandoned a2: %v, want ErrNotFound", err)
	}
	if p, err := c.Locate(f.Block("b3").Messages[0].ID); err != nil || p.Height != 3 {
		t.Errorf("message of b3 at %+v, %v", p, err)
	}
}

// TestTieGoesToLowerHash holds the tie rule in both orders of arrival: on an idle network all nodes
// must agree without another block.
func TestTieGoesToLowerHash(t *testing.T) {
	for _, first := range []string{"a2", "b2"} {
		c, _, f := setup(t)
		mustAdd(t, c, f.Chain("genesis", "r1")...)
		f.Chain("r1", "a2")
		f.Chain("r1", "b2")
		second := map[string]string{"a2": "b2", "b2": "a2"}[first]
		mustAdd(t, c, f.Block(first))
		mustAdd(t, c, f.Block(second))
		want := "a2"
		if f.Hash("b2").Compare(f.Hash("a2")) < 0 {
			want = "b2"
		}
		wantTip(t, c, f, want)
	}
}

func TestReorgOf200Blocks(t *testing.T) {
	c, s, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", coretest.Names("a", 1, 200)...)...)
	wantTip(t, c, f, "a200")
	branch := f.Chain("genesis", coretest.Names("b", 1, 201)...)
	if n, err := c.AddHeaders(coretest.Headers(branch), core.Work{}); err != nil || n != 201 {
		t.Fatalf("AddHeaders = %d, %v", n, err)
	}
	if best := c.BestHeader(); best.Hash != f.Hash("b201") {
		t.Fatalf("best header at %d, want b201", best.Header.Height)
	}
	missing := c.Missing(1000)
	if len(missing) != 201 || missing[0] != f.Hash("b1") {
		t.Fatalf("%d blocks missing, want 201 from b1", len(missing))
	}
	for _, b := range branch {
		mustAdd(t, c, b)
	}
	wantTip(t, c, f, "b201")
	if r := s.Reorgs(); len(r) != 1 || r[0].Reverted != 200 {
		t.Errorf("reorgs = %+v, want one of 200 blocks", r)
	}
	wantTip(t, open(t, c.Network(), s), f, "b201")
}

func TestRefusedBlocks(t *testing.T) {
	n := coretest.Network(t)
	twice := coretest.Message(t, n, coretest.Key(1), "twice")
	for _, tt := range []struct {
		name  string
		bad   func(f *coretest.Forks) *core.Block // builds on a2
		want  error
		state chain.State
	}{
		{"signature", func(f *coretest.Forks) *core.Block {
			m := coretest.Message(t, n, coretest.Key(1), "forged")
			m.Signature[3] ^= 1
			return f.Next("a2", "bad", m)
		}, consensus.ErrSignature, chain.Condemned},
		{"message of an ancestor", func(f *coretest.Forks) *core.Block {
			return f.Next("a2", "bad", twice)
		}, consensus.ErrDuplicate, chain.Condemned},
		{"leaves of another block", func(f *coretest.Forks) *core.Block {
			f.Next("a2", "bad", coretest.Message(t, n, coretest.Key(1), "x"))
			return &core.Block{Header: f.Block("bad").Header, Messages: []*core.Message{coretest.Message(t, n, coretest.Key(1), "y")}}
		}, consensus.ErrMessageRoot, chain.HeaderOnly},
		{"missing body", func(f *coretest.Forks) *core.Block {
			f.Next("a2", "bad", coretest.Message(t, n, coretest.Key(1), "x"))
			return coretest.WithoutBodies(f.Block("bad"))
		}, consensus.ErrBodyMissing, chain.HeaderOnly},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, s, f := setup(t)
			f.Next("genesis", "a1", twice)
			mustAdd(t, c, f.Block("a1"))
			mustAdd(t, c, f.Chain("a1", "a2")...)
			bad := tt.bad(f)
			child := f.Chain("bad", "child")[0]
			if _, err := c.AddHeaders(coretest.Headers([]*core.Block{f.Block("bad"), child}), core.Work{}); err != nil {
				t.Fatalf("headers: %v", err)
			}
			if _, err := c.AddBlocks([]*core.Block{bad}); !errors.Is(err, tt.want) {
				t.Fatalf("AddBlocks = %v, want %v", err, tt.want)
			}
			wantTip(t, c, f, "a2")
			for _, again := range []*chain.Chain{c, open(t, n, s)} {
				got := again.State(f.Hash("bad"))
				if again != c && tt.state == chain.HeaderOnly {
					continue // headers ahead of their blocks are not stored
				}
				if got != tt.state {
					t.Errorf("state = %v, want %v", got, tt.state)
				}
				_, err := again.AddBlocks([]*core.Block{child})
				if tt.state == chain.Condemned && !errors.Is(err, chain.ErrCondemned) {
					t.Errorf("child of a condemned block: %v, want ErrCondemned", err)
				}
			}
			if len(c.Missing(9)) > 0 != (tt.state == chain.HeaderOnly) {
				t.Errorf("missing = %v", c.Missing(9))
			}
		})
	}
}

// TestSameMessageOnTwoBranches holds that an id may stand on two branches, and once on each.
func TestSameMessageOnTwoBranches(t *testing.T) {
	c, _, f := setup(t)
	m := coretest.Message(t, c.Network(), coretest.Key(1), "m")
	mustAdd(t, c, f.Next("genesis", "a1", m))
	mustAdd(t, c, f.Chain("genesis", "b1")...)
	mustAdd(t, c, f.Next("b1", "b2", m))
	mustAdd(t, c, f.Chain("b2", "b3")...)
	wantTip(t, c, f, "b3")
	if p, err := c.Locate(m.ID); err != nil || p.Block != f.Hash("b2") {
		t.Errorf("message at %+v, %v; want b2", p, err)
	}
	if _, err := c.AddBlocks([]*core.Block{f.Next("b3", "bad", m)}); !errors.Is(err, consensus.ErrDuplicate) {
		t.Errorf("third time: %v, want ErrDuplicate", err)
	}
}

// TestDuplicateInOneBatch holds that an id that comes twice in blocks of one call is found although
// the first of them is not stored yet, and that the first one stays.
func TestDuplicateInOneBatch(t *testing.T) {
	c, _, f := setup(t)
	m := coretest.Message(t, c.Network(), coretest.Key(1), "m")
	blocks := []*core.Block{f.Next("genesis", "a1", m), f.Next("a1", "a2", m)}
	if n, err := c.AddBlocks(blocks); n != 1 || !errors.Is(err, consensus.ErrDuplicate) {
		t.Errorf("AddBlocks = %d, %v; want 1, ErrDuplicate", n, err)
	}
	wantTip(t, c, f, "a1")
}

func TestMissingBodyOfSettledBlock(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.Now = func() time.Time { return now } })
	blocks := f.Chain("genesis", coretest.Names("a", 1, 7)...)
	bare := coretest.WithoutBodies(blocks[0])
	if _, err := c.AddHeaders(coretest.Headers(blocks[:6]), core.Work{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AddBlocks([]*core.Block{bare}); !errors.Is(err, consensus.ErrBodyMissing) {
		t.Fatalf("five blocks on top: %v, want ErrBodyMissing", err)
	}
	if _, err := c.AddHeaders(coretest.Headers(blocks), core.Work{}); err != nil {
		t.Fatal(err)
	}
	mustAdd(t, c, bare)
	bare2 := coretest.WithoutBodies(blocks[1])
	if _, err := c.AddBlocks([]*core.Block{bare2}); !errors.Is(err, consensus.ErrBodyMissing) {
		t.Fatalf("young block: %v, want ErrBodyMissing", err)
	}
	now = now.Add(time.Hour)
	mustAdd(t, c, bare2)
}

// A block needs no body that was erased here, not even while it is not settled: after a reorg such a message
// may be sealed again, and its body would be taken from nobody.
func TestErasedBodyOfYoungBlock(t *testing.T) {
	erased := make(map[core.Hash]bool)
	c, _, f := setup(t, func(cfg *chain.Config) { cfg.Erased = func(m *core.Message) bool { return erased[m.ID] } })
	m := coretest.Messages(t, c.Network(), "m", 2)
	bare := coretest.WithoutBodies(f.Next("genesis", "a1", m...))
	erased[m[0].ID] = true
	if _, err := c.AddBlocks([]*core.Block{bare}); !errors.Is(err, consensus.ErrBodyMissing) {
		t.Fatalf("one of two is erased: %v, want ErrBodyMissing", err)
	}
	erased[m[1].ID] = true
	mustAdd(t, c, bare)
	wantTip(t, c, f, "a1")
}

func TestFailedCommitKeepsTip(t *testing.T) {
	c, s, f := setup(t)
	mustAdd(t, c, f.Chain("genesis", "a1", "a2")...)
	broken := errors.New("disk on fire")
	s.Fail = func(ch chain.Change) error {
		if len(ch.Revert) > 0 {
			return broken
		}
		return nil
	}
	branch := f.Chain("genesis", "b1", "b2", "b3")
	for _, b := range branch[:2] {
		_, _ = c.AddBlocks([]*core.Block{b}) // b2 may win the tie, and fails then
	}
	if n, err := c.AddBlocks(branch); !errors.Is(err, broken) || n >= 3 {
		t.Fatalf("AddBlocks = %d, %v; want the store's error", n, err)
	}
	if consensus.ClassOf(broken) != consensus.Fault {
		t.Error("a failing disk is not our fault?")
	}
	wantTip(t, c, f, "a2")
	s.Fail = nil
	mustAdd(t, c, branch...)
	wantTip(t, c, f, "b3")
}
