package store

import (
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"p2pchain/core"
	"p2pchain/core/chain"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/mempool"
)

func lowestFull(t testing.TB, s *Store, want uint64) {
	t.Helper()
	if got, err := s.LowestFull(); err != nil || got != want {
		t.Errorf("LowestFull = %d, %v, want %d", got, err, want)
	}
}

// gapIDs returns the messages that have gaps, in order, read in pages of two.
func gapIDs(t testing.TB, s *Store) []core.Hash {
	t.Helper()
	var out []core.Hash
	for after := (chain.Place{}); ; {
		page, err := s.Gaps(after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return out
		}
		for _, g := range page {
			out = append(out, g.ID)
		}
		after = page[len(page)-1].Place
	}
}

// Blocks that come without bodies leave gaps, which are told, moved by reorgs, and filled.
func TestGaps(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n, fs := coretest.Network(t), vfs.NewMem()
		s := open(t, n, fs, size)
		m := coretest.Messages(t, n, "m", 30)
		lowestFull(t, s, 0)
		blocks := tall(t, n, 9, m[:10], m[10:12], m[12:20])
		sent := slices.Clone(blocks)
		sent[0], sent[2] = coretest.WithoutBodies(blocks[0]), coretest.WithoutBodies(blocks[2])
		connect(t, s, sent...)
		lowestFull(t, s, 4)
		if got := gapIDs(t, s); !slices.Equal(got, ids(append(slices.Clone(m[:10]), m[12:20]...))) {
			t.Errorf("%d gaps, want 18 in order", len(got))
		}
		erase(t, s, early, m[12], m[13])
		wrong := *m[0]
		wrong.Body = m[1].Body
		if got, err := s.Fill([]*core.Message{&wrong, m[12], bare(m[0]), m[10], coretest.Message(t, n, coretest.Key(2), "x")}); got != 0 || err != nil {
			t.Errorf("Fill = %d, %v, want none of these", got, err)
		}
		epoch := s.Epoch()
		if got, err := s.Fill(m[14:20]); got != 6 || err != nil || s.Epoch() == epoch {
			t.Errorf("Fill = %d, %v, want 6 and another epoch", got, err)
		}
		lowestFull(t, s, 2)
		closeNow(t, s)
		s = open(t, n, fs, size)
		lowestFull(t, s, 2)

		// What has no body does not wait after a reorg: it could not be sealed. Whoever has it brings it.
		other := branch(t, n, coretest.Genesis(n), nil, nil, nil, nil, nil, nil, nil, nil, nil, m[20:21])
		commit(t, s, reorg(blocks, other))
		lowestFull(t, s, 0)
		if count, _ := s.WaitingTotals(); count != 2+6 {
			t.Errorf("%d messages wait, want 8", count)
		}
		accept(t, s, false, mempool.Accepted, m[0])
		accept(t, s, false, mempool.AlreadyWaiting, m[0])
		if got := bodies(t, s, m[0], m[1]); !slices.Equal(got, []bool{true, false}) {
			t.Errorf("bodies are there: %v", got)
		}
		back := branch(t, n, coretest.Genesis(n), nil, nil, nil, nil, nil, nil, nil, nil, nil, m[1:2], m[21:22])
		commit(t, s, reorg(other, back))
		if got := bodies(t, s, m[1]); !got[0] {
			t.Error("a block did not bring the body that was missing")
		}
		var c chain.Change
		for _, b := range slices.Backward(blocks) {
			c.Forget = append(c.Forget, b.Header.Hash())
		}
		commit(t, s, c)
		if left := s.gaps.Load(); left != 0 {
			t.Errorf("%d gaps are left of a branch that was forgotten", left)
		}
	})
}

// A store of an earlier program has no table of gaps; it is made.
func TestFindGaps(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 10)
	blocks := tall(t, n, 8, m[:5], m[5:])
	connect(t, s, append([]*core.Block{coretest.WithoutBodies(blocks[0])}, blocks[1:]...)...)
	for key := range dump(t, s) {
		if key[0] != prefixGap && key[0] != prefixForgotten {
			continue
		}
		if err := s.db.Delete([]byte(key), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, n, fs)
	if got := gapIDs(t, s); !slices.Equal(got, ids(m[:5])) {
		t.Errorf("%d gaps, want 5", len(got))
	}
	lowestFull(t, s, 2)
}

// pruneTo prunes until there is no more, and returns in how many steps.
func pruneTo(t testing.TB, s *Store, height uint64) int {
	t.Helper()
	for steps := 1; ; steps++ {
		more, err := s.Prune(height)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return steps
		}
	}
}

// Pruning drops what is settled up to a height, in steps, and goes on where it was after a restart.
func TestPrune(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	s := open(t, n, fs)
	m := coretest.Messages(t, n, "m", 2*prunePage+10)
	ask := wish(t, n, coretest.Key(0), core.Hash{5})
	big := append([]*core.Message{ask}, m[:2*prunePage-1]...)
	blocks := tall(t, n, 10, big, m[2*prunePage-1:2*prunePage], m[2*prunePage:2*prunePage+5], m[2*prunePage+5:])
	sent := slices.Clone(blocks)
	sent[1], sent[2] = coretest.WithoutBodies(blocks[1]), coretest.WithoutBodies(blocks[2])
	connect(t, s, sent...)
	accept(t, s, true, mempool.AlreadySealed, m[0])
	if more, err := s.Prune(2); !more || err != nil {
		t.Fatalf("Prune = %v, %v, want more to do", more, err)
	}
	if got := bodies(t, s, ask, m[0], m[prunePage-2], m[prunePage]); !slices.Equal(got, []bool{true, false, false, true}) {
		t.Errorf("bodies are there: %v", got)
	}
	check(t, s)
	lowestFull(t, s, 4)
	closeNow(t, s)
	s = open(t, n, fs)
	if steps := pruneTo(t, s, 2); steps < 2 {
		t.Errorf("%d steps, want more", steps)
	}
	if got := s.Pruned(); got.Height != 2 || got.Bodies != 2*prunePage-1 {
		t.Errorf("Pruned = %+v, want height 2 and %d bodies", got, 2*prunePage-1)
	}
	if got := gapIDs(t, s); !slices.Equal(got, ids(m[2*prunePage:2*prunePage+5])) {
		t.Errorf("%d gaps, want the 5 above what was pruned", len(got))
	}
	if got, err := s.Fill(m[:2*prunePage]); got != 0 || err != nil {
		t.Errorf("Fill of pruned bodies = %d, %v, want 0", got, err)
	}
	if got, err := s.Fill(m[2*prunePage : 2*prunePage+5]); got != 5 || err != nil {
		t.Errorf("Fill = %d, %v, want 5", got, err)
	}
	lowestFull(t, s, 3)
	pruneTo(t, s, 1000) // no more than is settled
	if got := s.Pruned(); got.Height != 4 {
		t.Errorf("pruned up to height %d, want 4: six blocks are on top", got.Height)
	}
	if got := bodies(t, s, m[len(m)-1]); got[0] {
		t.Error("the last body is there")
	}
	epoch := s.Epoch()
	pruneTo(t, s, 1000)
	if s.Epoch() != epoch {
		t.Error("pruning nothing changed the epoch")
	}
	if from, to := s.untidied(); to-from < 2*prunePage {
		t.Errorf("slots %d to %d are left to tidy, want all that was pruned", from, to)
	}
	if err := s.Tidy(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	if from, to := s.untidied(); from != to {
		t.Errorf("slots %d to %d are left to tidy", from, to)
	}
	lowestFull(t, s, 5)
}

// A reorg below what was pruned gives back what has its body, and another branch fits.
func TestReorgOfPruned(t *testing.T) {
	eachSize(t, func(t *testing.T, size func(*Options)) {
		n := coretest.Network(t)
		s := open(t, n, vfs.NewMem(), size)
		m := coretest.Messages(t, n, "m", 20)
		old := tall(t, n, 9, m[:5], m[5:10], m[10:15], m[15:])
		connect(t, s, old...)
		pruneTo(t, s, 3)
		other := branch(t, n, coretest.Genesis(n), nil, nil, m[:2], nil, nil, nil, nil, nil, nil, m[5:6])
		commit(t, s, reorg(old, other))
		check(t, s)
		if count, _ := s.WaitingTotals(); count != 5 {
			t.Errorf("%d messages wait, want 5", count)
		}
		if got := bodies(t, s, m[0], m[5], m[6]); !slices.Equal(got, []bool{true, true, false}) {
			t.Errorf("bodies are there: %v", got)
		}
		pruneTo(t, s, 4)
		lowestFull(t, s, 5)
	})
}

// Messages in several branches keep their bodies as long as one of them needs them.
func TestPruneKeepsWhatIsNeeded(t *testing.T) {
	n := coretest.Network(t)
	s := open(t, n, vfs.NewMem())
	m := coretest.Messages(t, n, "m", 4)
	side := branch(t, n, coretest.Genesis(n), nil, nil, nil, m[:1])
	commit(t, s, storing(side...))
	best := tall(t, n, 9, m[:2], m[2:])
	connect(t, s, best...)
	pruneTo(t, s, 3)
	if got := bodies(t, s, m...); !slices.Equal(got, []bool{true, false, false, false}) {
		t.Errorf("bodies are there: %v", got)
	}
	lowestFull(t, s, 4)
}

// Whatever is done to bodies in any order, the tables fit, and what is told is what is there.
func TestForgettingAtRandom(t *testing.T) {
	n, fs := coretest.Network(t), vfs.NewMem()
	rng := random.Source(t)
	m := coretest.Messages(t, n, "m", 80)
	var lists [][]*core.Message
	for rest := m; len(rest) > 0; {
		k := min(len(rest), rng.IntN(6))
		lists, rest = append(lists, rest[:k]), rest[k:]
	}
	blocks := branch(t, n, coretest.Genesis(n), lists...)
	s := open(t, n, fs)
	height, erased := 0, map[core.Hash]bool{}
	for step := range share(400) {
		switch rng.IntN(6) {
		case 0, 1:
			if height < len(blocks) {
				b := blocks[height]
				if rng.IntN(2) == 0 {
					b = coretest.WithoutBodies(b)
				}
				connect(t, s, b)
				height++
			}
		case 2:
			x := m[rng.IntN(len(m))]
			if got, err := s.Erase(erasing(early, x)...); err == nil && got == 1 {
				erased[x.ID] = true
			}
		case 3:
			from := rng.IntN(len(m))
			if _, err := s.Fill(m[from:min(len(m), from+5)]); err != nil {
				t.Fatal(err)
			}
		case 4:
			if _, err := s.Prune(uint64(rng.IntN(height/2 + 1))); err != nil {
				t.Fatal(err)
			}
		case 5:
			if _, err := s.DropErased(uint64(early + rng.IntN(2)*settledAgeMS)); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(4) == 0 {
				closeNow(t, s)
				s = open(t, n, fs)
			}
		}
		check(t, s)
		told(t, s, blocks[:height], erased)
		if t.Failed() {
			t.Fatalf("after step %d", step)
		}
	}
}

// told compares what a store says of its bodies with the bodies.
func told(t *testing.T, s *Store, blocks []*core.Block, erased map[core.Hash]bool) {
	t.Helper()
	pruned := s.Pruned().Height
	lowest := uint64(0)
	var gaps []core.Hash
	for _, b := range blocks {
		for _, m := range b.Messages {
			e := erasure(t, s, m.ID)
			if (e != nil) != erased[m.ID] {
				t.Errorf("erasure of %v = %+v", m.ID, e)
			}
			has := bodies(t, s, m)[0]
			switch {
			case e != nil && e.Settled:
				if has {
					t.Errorf("message %v is erased, and has a body", m.ID)
				}
			case has:
			case b.Header.Height <= pruned:
				lowest = max(lowest, pruned+1)
			default:
				lowest = b.Header.Height + 1
				gaps = append(gaps, m.ID)
			}
		}
	}
	if got := gapIDs(t, s); !slices.Equal(got, gaps) {
		t.Errorf("%d gaps are told, there are %d", len(got), len(gaps))
	}
	if got, err := s.LowestFull(); err != nil || got < lowest || got > max(lowest, pruned+1) {
		t.Errorf("LowestFull = %d, %v, want %d, pruned up to %d", got, err, lowest, pruned)
	}
}
