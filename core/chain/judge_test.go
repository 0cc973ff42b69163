package chain_test

import (
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
)

// Blocks may be judged before those under them are stored, and have the same verdicts as without.
func TestJudgeAhead(t *testing.T) {
	c, _, f := setup(t)
	blocks := f.Chain("genesis", coretest.Names("a", 1, 6)...)
	if _, err := c.AddHeaders(coretest.Headers(blocks), core.Work{}); err != nil {
		t.Fatal(err)
	}
	first, second := c.Judge(blocks[:2], blocks[2:4]), c.Judge(blocks[4:])
	if _, err := c.AddJudged(second); !errors.Is(err, consensus.ErrParentUnknown) {
		t.Errorf("AddJudged before the parents: %v, want ErrParentUnknown", err)
	}
	for i, j := range []*chain.Judged{first, second} {
		if n, err := c.AddJudged(j); err != nil || n != 4-2*i {
			t.Fatalf("AddJudged = %d, %v", n, err)
		}
	}
	wantTip(t, c, f, "a6")
}

// Judging blocks whose headers are unknown costs nothing: they may have no work. They are judged when
// they are added.
func TestJudgeOfUnknownHeaders(t *testing.T) {
	c, _, f := setup(t)
	good := f.Chain("genesis", "a1", "a2")
	if n, err := c.AddJudged(c.Judge(good)); err != nil || n != 2 {
		t.Errorf("AddJudged = %d, %v", n, err)
	}
	bad := f.Next("a2", "a3", coretest.Message(t, c.Network(), coretest.Key(0), "m"))
	bad.Messages[0].Signature[5] ^= 1
	bad.Header.MessageRoot = core.MessageRoot(bad.Leaves())
	coretest.Seal(t, c.Network(), &good[1].Header, &bad.Header)
	if _, err := c.AddJudged(c.Judge([]*core.Block{bad})); !errors.Is(err, consensus.ErrSignature) {
		t.Errorf("AddJudged of a bad signature: %v", err)
	}
	if state := c.State(bad.Header.Hash()); state != chain.Condemned {
		t.Errorf("state %v, want condemned", state)
	}
}

// A bad block in the middle of a group is condemned by its own fault; what is before it is stored.
func TestJudgeFindsTheBadOne(t *testing.T) {
	c, _, f := setup(t)
	n := c.Network()
	good := f.Chain("genesis", "a1", "a2")
	bad := f.Next("a2", "a3", coretest.Messages(t, n, "m", 3)...)
	bad.Messages[1].Signature[5] ^= 1
	bad.Header.MessageRoot = core.MessageRoot(bad.Leaves())
	coretest.Seal(t, n, &good[1].Header, &bad.Header)
	after := coretest.Next(t, n, f.Tip("a2").After(bad))
	blocks := append(good, bad, after)
	if _, err := c.AddHeaders(coretest.Headers(blocks), core.Work{}); err != nil {
		t.Fatal(err)
	}
	taken, err := c.AddJudged(c.Judge(blocks[:1], blocks[1:]))
	rule := new(consensus.RuleError)
	if taken != 2 || !errors.As(err, &rule) || rule.Block != bad.Header.Hash() || !errors.Is(err, consensus.ErrSignature) {
		t.Errorf("AddJudged = %d, %v", taken, err)
	}
	wantTip(t, c, f, "a2")
	if state := c.State(after.Header.Hash()); state != chain.Condemned {
		t.Errorf("child of the bad block: %v, want condemned", state)
	}
}
