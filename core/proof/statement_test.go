package proof

import (
	"errors"
	"testing"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

// verified fails the test unless the proof holds.
func verified(t *testing.T, p *Proof) *Statement {
	t.Helper()
	s, err := judge(p.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A trusted hash makes true what its header commits to, and nothing that lies on top of it.
func TestAnchored(t *testing.T) {
	s := newScene(t, withBlocks(20), withBits(20, harderBits))
	p := s.proof()
	says := verified(t, p)
	next := Weight{1, workOf(16)}
	all := Weight{20 - at, workOf(16*(19-at) + 256)}
	for _, tt := range []struct {
		name string
		hash core.Hash
		want Weight
		ok   bool
	}{
		{"tip", s.hashes[20], all, true},
		{"next", s.hashes[at+1], next, true},
		{"block", s.hashes[at], Weight{}, true},
		{"seen", s.hashes[seenAt], Weight{}, false},
		{"genesis", s.hashes[0], Weight{}, false},
		{"between", s.hashes[at+2], Weight{}, false},
		{"id", s.m.ID, Weight{}, false},
		{"zeros", core.Hash{}, Weight{}, false},
	} {
		if got, ok := says.Anchored(tt.hash); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v, %v, want %v, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
	if want := (Weight{2, workOf(16 + 256)}); says.Shown() != want {
		t.Errorf("shown %v, want %v", says.Shown(), want)
	}
	noTip := *p
	noTip.Next, noTip.Tip = &Step{Header: p.Next.Header}, nil
	says = verified(t, &noTip)
	if got, ok := says.Anchored(s.hashes[at+1]); !ok || got != next || says.Shown() != next {
		t.Errorf("next as the last header: %v, %v, shown %v, want %v", got, ok, says.Shown(), next)
	}
	if _, ok := says.Anchored(s.hashes[20]); ok {
		t.Error("a header that is not in the proof is an anchor")
	}
	noNext := noTip
	noNext.Next = nil
	says = verified(t, &noNext)
	if got, ok := says.Anchored(s.hashes[at]); !ok || got != (Weight{}) || says.Shown() != (Weight{}) {
		t.Errorf("the block as the last header: %v, %v, shown %v", got, ok, says.Shown())
	}
}

// A last header can claim what it likes, at the price of its own bits: nothing of that is shown.
func TestClaimsAreNotShown(t *testing.T) {
	s := newScene(t)
	p := s.proof()
	tip := *p.Tip
	tip.Work, tip.TimeMS = core.NewWork(1<<40, 0), tip.TimeMS+86_400_000
	s.seal(nil, &tip)
	p.Tip = &tip
	says := verified(t, p)
	if says.WorkClaimed.Cmp(core.NewWork(1<<39, 0)) < 0 || says.WorkShown != workOf(32) || says.ConfirmationsShown != 2 {
		t.Errorf("claimed %v, shown %v", says.WorkClaimed, says.Shown())
	}
	if _, ok := says.Anchored(s.hashes[lastAt]); ok {
		t.Error("the true last header is an anchor of a made up one")
	}
}

// On a classic network headers cost nothing, so none of their work is shown.
func TestClassicShowsNoWork(t *testing.T) {
	says := verified(t, newScene(t, isClassic).proof())
	if says.PowBinds || says.WorkShown != workOf(0) || says.Shown() != (Weight{}) || says.ConfirmationsShown != 2 || says.WorkClaimed != workOf(256*(lastAt-at)) {
		t.Errorf("%v, shown %v, claimed %v", says.PowBinds, says.WorkShown, says.WorkClaimed)
	}
}

// Whoever takes parts away leaves a proof that holds and says less.
func TestLess(t *testing.T) {
	p := newScene(t).proof()
	whole := verified(t, p)
	for _, tt := range []struct {
		name string
		take func(*Proof)
		less func(*Statement) bool
	}{
		{"body", func(p *Proof) { *p = *p.WithoutBody() }, func(s *Statement) bool { return s.Message.Body == nil }},
		{"seen", func(p *Proof) { p.Seen = nil }, func(s *Statement) bool { return s.Seen == nil }},
		{"tip", func(p *Proof) { p.Tip, p.Next = nil, &Step{Header: p.Next.Header} }, func(s *Statement) bool { return s.Confirmations == 1 && s.ConfirmationsShown == 1 }},
		{"next", func(p *Proof) { p.Tip, p.Next = nil, nil }, func(s *Statement) bool { return s.Next == nil && s.Confirmations == 0 && s.WorkClaimed == workOf(0) }},
	} {
		less := *p
		tt.take(&less)
		s := verified(t, &less)
		if !tt.less(s) || s.ID != whole.ID || s.BlockHash != whole.BlockHash || s.WorkShown.Cmp(whole.WorkShown) > 0 || s.WorkClaimed.Cmp(whole.WorkClaimed) > 0 {
			t.Errorf("without %s: %+v", tt.name, s)
		}
	}
	if p.Message.Body == nil {
		t.Error("WithoutBody changed its proof")
	}
}

// A failing view fails at its calls one after the other.
type failing struct {
	*world
	calls, at int
}

var errBroken = errors.New("broken")

func (f *failing) fail() error {
	f.calls++
	if f.calls == f.at {
		return errBroken
	}
	return nil
}

func (f *failing) View(do func(View) error) error { return do(f) }

func (f *failing) Height() (uint64, error) {
	h, err := f.world.Height()
	return h, errors.Join(err, f.fail())
}

func (f *failing) HashAt(height uint64) (core.Hash, error) {
	h, err := f.world.HashAt(height)
	return h, errors.Join(err, f.fail())
}

func (f *failing) Header(block core.Hash) (core.Header, bool, error) {
	h, ok, err := f.world.Header(block)
	return h, ok, errors.Join(err, f.fail())
}

func (f *failing) HistoryNode(level int, index uint64) (core.Hash, error) {
	h, err := f.world.HistoryNode(level, index)
	return h, errors.Join(err, f.fail())
}

func (f *failing) Leaves(block core.Hash) ([]core.Leaf, error) {
	l, err := f.world.Leaves(block)
	return l, errors.Join(err, f.fail())
}

func (f *failing) Place(id core.Hash) (core.Hash, int, bool, error) {
	h, at, ok, err := f.world.Place(id)
	return h, at, ok, errors.Join(err, f.fail())
}

func (f *failing) Message(id core.Hash) (*core.Message, error) {
	m, err := f.world.Message(id)
	return m, errors.Join(err, f.fail())
}

// A source that fails at any moment gives no proof, and its own error.
func TestBuildFromFailingSource(t *testing.T) {
	s := newScene(t, withBlocks(20))
	calls := 0
	for at := 1; ; at++ {
		f := &failing{s.world, 0, at}
		p, err := Build(f, s.m.ID)
		if err == nil {
			calls = f.calls
			break
		}
		if !errors.Is(err, errBroken) || p != nil {
			t.Fatalf("call %d: %v, %v", at, p, err)
		}
	}
	if calls < 15 {
		t.Errorf("only %d calls", calls)
	}
}

func TestBuildOfWhatIsNotConfirmed(t *testing.T) {
	s := newScene(t)
	s.waits = coretest.Messages(t, s.n, "waits", 1)
	if p, err := Build(s, s.waits[0].ID); !errors.Is(err, ErrNotConfirmed) || p != nil {
		t.Errorf("a waiting message: %v, %v", p, err)
	}
	if p, err := Build(s, core.Hash{1}); !errors.Is(err, errNotHere) || p != nil {
		t.Errorf("an unknown message: %v, %v", p, err)
	}
	lost := newScene(t)
	lost.leaves[lost.hashes[at]] = []core.Leaf{{ID: core.Hash{1}}, lost.m.Leaf()}
	if p, err := Build(placedAt{lost.world, 0}, lost.m.ID); err == nil || p != nil {
		t.Errorf("a block that does not hold it there: %v, %v", p, err)
	}
}

// placedAt says that every message is somewhere else.
type placedAt struct {
	*world
	position int
}

func (p placedAt) View(f func(View) error) error { return f(p) }

func (p placedAt) Place(id core.Hash) (core.Hash, int, bool, error) {
	h, _, ok, err := p.world.Place(id)
	return h, p.position, ok, err
}
