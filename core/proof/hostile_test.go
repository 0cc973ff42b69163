package proof

import (
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
)

// What somebody can make up without breaking a hash or a signature, and that it never counts for more
// than it has cost. These are the attacks of docs/trust.md.

// madeUp makes a proof from nothing but three headers at the floor: of the network main with another
// difficulty, dated back, with a height and a total of work as large as one likes.
func madeUp(t *testing.T) *Proof {
	params, _ := core.Builtin("main")
	params.Difficulty = 1
	n, err := core.NewNetwork(params)
	if err != nil {
		t.Fatal(err)
	}
	f := &forger{t: t, n: n}
	early := n.Params.GenesisTimeMS + 3_600_000
	header := func(height uint64) core.Header {
		return core.Header{Height: height, TimeMS: early + height, BusyMS: 1, Bits: n.Header.Bits, MessageRoot: core.MessageRoot(nil)}
	}
	m := coretest.Message(t, n, coretest.Key(1), "I had this idea first.")
	block, next, tip := header(1000), header(1001), header(1<<20)
	leaf := m.Leaf()
	block.MessageCount, block.MessageRoot = 1, core.MessageRoot([]core.Leaf{leaf})
	block.Work = core.NewWork(0, 1<<40)
	sealFloor(f, &n.Header, &block)
	next.PreviousHash, next.Bits = block.Hash(), consensus.NextBits(n, &block)
	next.Work, _ = consensus.ChildWork(&block, next.Bits)
	sealFloor(f, &block, &next)
	hash := next.Hash()
	path := make([]core.Hash, pathLength(next.Height, tip.Height))
	tip.HistoryRoot, tip.Work = pathRoot(next.Height, tip.Height, core.LeafHash(hash[:]), path), core.NewWork(1<<62, 0)
	sealFloor(f, &next, &tip)
	return &Proof{Params: params, Message: m, Block: block, Next: &Step{next, path}, Tip: &tip}
}

func sealFloor(f *forger, parent, h *core.Header) {
	for consensus.CheckPow(f.n, parent, h) != nil {
		h.Nonce++
	}
}

// TestMadeUp holds that a made-up chain, which cannot be told from a true one, shows no more work than
// its headers have cost, and is nothing that a true hash vouches for.
func TestMadeUp(t *testing.T) {
	p := madeUp(t)
	s, err := judge(p.Encode())
	if err != nil {
		t.Fatalf("three headers at the floor should hold, that is the point: %v", err)
	}
	if paid := core.NewWork(0, 2*16); s.WorkShown.Cmp(paid) > 0 {
		t.Errorf("it shows work of %v, and %v was paid", s.WorkShown, paid)
	}
	if s.ConfirmationsShown != 2 || s.Confirmations != 1<<20-1000 {
		t.Errorf("%d confirmations shown and %d claimed", s.ConfirmationsShown, s.Confirmations)
	}
	params, _ := core.Builtin("main")
	main, err := core.NewNetwork(params)
	if err != nil {
		t.Fatal(err)
	}
	if s.Network.Genesis == main.Genesis {
		t.Error("it is of the true main")
	}
	for _, hash := range []core.Hash{main.Genesis, s.Network.Genesis, s.ID, {}} {
		if w, ok := s.Anchored(hash); ok {
			t.Errorf("%v vouches for %v", hash, w)
		}
	}
}

// TestForgedNext holds that a next block which was made up on a true block gains nothing from that one's
// hash, and that no true hash vouches for it.
func TestForgedNext(t *testing.T) {
	s := newScene(t)
	good, err := s.proof().Verify()
	if err != nil {
		t.Fatal(err)
	}
	p := s.proof()
	p.Next.Header.TimeMS, p.Next.Header.BusyMS = p.Block.TimeMS+1, 1 // as early as can be
	sealFloor(&forger{t: t, n: s.n}, &p.Block, &p.Next.Header)
	if _, err := p.Verify(); err == nil || err.(*Fault).Code != NextPath {
		t.Errorf("below a true tip: %v", err)
	}
	p.Tip, p.Next.Path = nil, nil
	forged, err := p.Verify()
	if err != nil {
		t.Fatal(err)
	}
	if w, ok := forged.Anchored(good.BlockHash); !ok || w != (Weight{}) {
		t.Errorf("the hash of the block vouches for %v, %v", w, ok)
	}
	for _, hash := range []core.Hash{good.Next.Hash, good.TipHash} {
		if w, ok := forged.Anchored(hash); ok {
			t.Errorf("%v vouches for %v", hash, w)
		}
	}
}

// TestForgedTip holds that with a true next block and a made-up last one, the next one's hash vouches
// for no more than one block.
func TestForgedTip(t *testing.T) {
	s := newScene(t)
	p := s.proof()
	good, err := p.Verify()
	if err != nil {
		t.Fatal(err)
	}
	p.Tip.Height, p.Tip.Work = 1<<40, core.NewWork(1<<62, 0)
	p.Tip.TimeMS += 1 << 41
	p.Next.Path = make([]core.Hash, pathLength(p.Next.Header.Height, p.Tip.Height))
	p.Tip.HistoryRoot = pathRoot(p.Next.Header.Height, p.Tip.Height, core.LeafHash(good.Next.Hash[:]), p.Next.Path)
	sealFloor(&forger{t: t, n: s.n}, &p.Next.Header, p.Tip)
	forged, err := p.Verify()
	if err != nil {
		t.Fatal(err)
	}
	want := Weight{1, p.Next.Header.Work.Sub(p.Block.Work)}
	if w, ok := forged.Anchored(good.Next.Hash); !ok || w != want {
		t.Errorf("the hash of the next block vouches for %v, %v; want %v", w, ok, want)
	}
	if w, ok := forged.Anchored(good.TipHash); ok {
		t.Errorf("the hash of the true tip vouches for %v", w)
	}
}

// A pair is two things that a proof says belong together, by their hashes.
type pair struct{ a, b core.Hash }

// pairs are what a proof says.
func pairs(s *Statement) []pair {
	out := []pair{{s.BlockHash, s.ID}}
	if s.Seen != nil {
		out = append(out, pair{s.Seen.Hash, s.BlockHash})
	}
	if s.Next != nil {
		out = append(out, pair{s.BlockHash, s.Next.Hash}, pair{s.Next.Hash, s.TipHash})
	}
	return out
}

// trueProofs returns good proofs and all that they say.
func trueProofs(t *testing.T) (all []*Proof, known map[pair]bool) {
	known = make(map[pair]bool)
	for _, g := range goods() {
		p := g.make(t)
		if p.Message.PayloadSize > 4096 {
			continue
		}
		s, err := p.Verify()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range pairs(s) {
			known[x] = true
		}
		if s.Next != nil { // who takes the tip away says that the next one is the last
			known[pair{s.Next.Hash, s.Next.Hash}] = true
		}
		all = append(all, p)
	}
	return all, known
}

const splices = 4000

// TestSplices puts parts of two good proofs together at random. Whatever holds says nothing that one of
// the good ones does not say.
func TestSplices(t *testing.T) {
	rnd := random.Source(t)
	all, known := trueProofs(t)
	held := 0
	for range splices {
		p, q, parts := all[rnd.IntN(len(all))], all[rnd.IntN(len(all))], rnd.IntN(1<<6)
		s, err := spliced(p, q, parts).Verify()
		if err != nil {
			continue
		}
		held++
		for _, x := range pairs(s) {
			if !known[x] {
				t.Fatalf("parts %06b of %v in %v: it says that %v and %v belong together", parts, q, p, x.a, x.b)
			}
		}
	}
	t.Logf("%d of %d hold", held, splices)
	if held == 0 {
		t.Error("none holds, so nothing was tried")
	}
}

// spliced is p with some parts of q.
func spliced(p, q *Proof, parts int) *Proof {
	x := *p
	has := func(i int) bool { return parts>>i&1 == 1 }
	if has(0) {
		x.Params = q.Params
	}
	if has(1) {
		x.Message = q.Message
	}
	if has(2) {
		x.Block, x.Position, x.Path = q.Block, q.Position, q.Path
	}
	if has(3) {
		x.Seen = q.Seen
	}
	if has(4) {
		x.Next = q.Next
	}
	if has(5) {
		x.Tip = q.Tip
	}
	return &x
}
