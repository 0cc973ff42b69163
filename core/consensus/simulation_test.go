package consensus

import (
	"math"
	"math/rand/v2"
	"testing"

	"p2pchain/core"
)

// A simMiner has a share of the network's hash rate, a clock, and its own idea of busy_ms.
type simMiner struct {
	share  float64
	offMS  int64
	claims func(interval, busy, sinceParent uint64) uint64
}

func honest(interval, busy, _ uint64) uint64 { return max(1, min(4*interval, busy)) }

func claimsMost(interval, _, sinceParent uint64) uint64 { return min(4*interval, sinceParent) }

func claimsLeast(_, _, _ uint64) uint64 { return 1 }

// A simulation grows a chain of headers by Poisson mining: the time to find a block is exponential
// with mean T · hardness, where hardness 1 is the target at which a block takes the interval T.
type simulation struct {
	n      *core.Network
	rnd    *rand.Rand
	miners []simMiner
	// gapMS is the mean time between messages; 0 means that there is always one waiting.
	gapMS float64
	// naive miners write time_ms = max(clock, parent's + 1) and cut busy_ms to what then fits.
	naive bool

	parent    core.Header
	nowMS     float64 // true time
	messageMS float64 // when the next message comes that no block holds yet
	unitWork  float64 // work of a block at hardness 1
}

// floorRatio is how much harder than the floor a block at hardness 1 is.
const floorRatio = 1000

func newSimulation(t *testing.T, rnd *rand.Rand, gapMS float64, miners ...simMiner) *simulation {
	t.Helper()
	n := retargetNetwork(t, 5000)
	target := n.Floor.Scale(1, floorRatio)
	s := &simulation{n: n, rnd: rnd, miners: miners, gapMS: gapMS, parent: n.Header}
	s.parent.Bits = target.Bits()
	s.nowMS = float64(s.parent.TimeMS)
	s.messageMS = s.nowMS
	s.unitWork = blockWork(t, s.parent.Bits)
	return s
}

func blockWork(t *testing.T, bits core.Bits) float64 {
	t.Helper()
	work, err := ChildWork(&core.Header{}, bits)
	if err != nil {
		t.Fatal(err)
	}
	return work.Float()
}

// hardness is how many intervals the next block takes on average while there is something to seal.
func (s *simulation) hardness(t *testing.T) float64 {
	t.Helper()
	return blockWork(t, NextBits(s.n, &s.parent)) / s.unitWork
}

// next mines a block and holds its time and busy time against the rules.
func (s *simulation) next(t *testing.T) {
	t.Helper()
	interval := s.n.Params.BlockIntervalMS
	start := max(s.nowMS, s.messageMS) // the later of "parent known" and "something to seal"
	found := start + s.rnd.ExpFloat64()*float64(interval)*s.hardness(t)
	m := s.winner()
	clock := uint64(int64(found) + m.offMS)
	busy := honest(interval, uint64(found-start), 0)

	h := core.Header{Bits: NextBits(s.n, &s.parent)}
	if s.naive {
		h.TimeMS = max(clock, s.parent.TimeMS+1)
		busy = min(busy, h.TimeMS-s.parent.TimeMS)
	} else {
		h.TimeMS = max(clock, s.parent.TimeMS+busy)
	}
	h.BusyMS = uint32(m.claims(interval, busy, h.TimeMS-s.parent.TimeMS))
	if err := checkTime(s.n, &s.parent, &h); err != nil {
		t.Fatalf("the simulation made an invalid header: %v", err)
	}
	s.parent, s.nowMS = h, found
	for s.gapMS > 0 && s.messageMS <= found { // all that came until now are sealed
		s.messageMS += s.rnd.ExpFloat64() * s.gapMS
	}
}

func (s *simulation) winner() simMiner {
	x := s.rnd.Float64()
	for _, m := range s.miners[:len(s.miners)-1] {
		if x -= m.share; x < 0 {
			return m
		}
	}
	return s.miners[len(s.miners)-1]
}

// run leaves the start behind, then returns mean and standard deviation of the hardness per block.
func (s *simulation) run(t *testing.T, blocks int) (mean, dev float64) {
	t.Helper()
	for range 1000 {
		s.next(t)
	}
	var sum, squares float64
	for range blocks {
		s.next(t)
		h := s.hardness(t)
		sum += h
		squares += h * h
	}
	mean = sum / float64(blocks)
	return mean, math.Sqrt(squares/float64(blocks) - mean*mean)
}
