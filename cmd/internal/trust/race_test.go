package main

import (
	"math"
	"testing"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// TestPublished holds the formulas against the figures that their papers print.
func TestPublished(t *testing.T) {
	for _, tt := range []struct {
		name    string
		formula func(float64, int) float64
		q       float64
		z       int
		want    float64
	}{
		{"Bitcoin paper, section 11", nakamoto, .1, 0, 1},
		{"Bitcoin paper, section 11", nakamoto, .1, 1, .2045873},
		{"Bitcoin paper, section 11", nakamoto, .1, 2, .0509779},
		{"Bitcoin paper, section 11", nakamoto, .1, 5, .0009137},
		{"Bitcoin paper, section 11", nakamoto, .1, 10, .0000012},
		{"Bitcoin paper, section 11", nakamoto, .3, 5, .1773523},
		{"Bitcoin paper, section 11", nakamoto, .3, 50, .0000006},
		{"arXiv:1402.2009, table 1", rosenfeld, .1, 1, .2},
		{"arXiv:1402.2009, table 1", rosenfeld, .1, 2, .056},
		{"arXiv:1402.2009, table 1", rosenfeld, .1, 6, .00059},
		{"arXiv:1402.2009, table 1", rosenfeld, .3, 6, .15645},
		{"more than half always wins", rosenfeld, .5, 100, 1},
		{"more than half always wins", nakamoto, .6, 100, 1},
	} {
		if got := tt.formula(tt.q, tt.z); math.Abs(got-tt.want) > 0.000005 {
			t.Errorf("%s: q = %v, z = %d: %.7f, want %.7f", tt.name, tt.q, tt.z, got, tt.want)
		}
	}
	// Withholding pays from 1/3 of the work where no tie is won, from 1/4 where half of them are.
	for _, tt := range []struct{ alpha, gamma, want float64 }{{1. / 3, 0, 1. / 3}, {.25, .5, .25}, {.5, .5, 1}} {
		if got := eyalSirer(tt.alpha, tt.gamma); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("share %v, ties %v: %v of the blocks, want %v", tt.alpha, tt.gamma, got, tt.want)
		}
	}
}

// TestRaceOfFixedWork holds the simulation against the exact probability in the one case that has a
// formula: where the targets never change, each block is the attacker's with probability q.
func TestRaceOfFixedWork(t *testing.T) {
	p, _ := core.Builtin("test")
	p.BlockIntervalMS = 0 // no retarget
	n, err := core.NewNetwork(p)
	if err != nil {
		t.Fatal(err)
	}
	fixed := &rules{network: n, start: n.Floor.Bits()}
	fixed.unit = workOf(fixed.start)
	const q, z = .3, 3
	// A tie is half a win, and from d blocks behind a tie is reached with (q/p)^d: at d = 0 the tips are
	// compared at once, and again at each tie that follows.
	want, term := 0.0, math.Pow(1-q, z)
	for m := 0; m < 200; m++ {
		want += term * fromBehind(z-m, q)
		term *= q * float64(m+z) / float64(m+1)
	}
	got := simulateRace(fixed, random(9), q, claimTruth, []int{z})[0]
	if sigma := math.Sqrt(want * (1 - want) / raceRuns); math.Abs(got-want) > 4*sigma {
		t.Errorf("simulated %.4f, exact %.4f ± %.4f", got, want, sigma)
	}
}

// fromBehind is the probability of winning from d blocks behind, where a tie is decided by a coin, and
// by another one each time that it comes back.
func fromBehind(d int, q float64) float64 {
	if d < 0 {
		return 1
	}
	// w, from a tie after its coin was lost: one step, then up (won) or one behind, and from there back
	// to a tie with q/p, where the next coin is thrown: w = q + p·(q/p)·(1/2 + w/2).
	lost := (q + q/2) / (1 - q/2)
	return math.Pow(q/(1-q), float64(d)) * (1 + lost) / 2
}

// TestBranchFollowsTheRule holds that a branch is retargeted as a node does it.
func TestBranchFollowsTheRule(t *testing.T) {
	r := newRules(60)
	b, rnd := newBranch(r), random(8)
	bits := r.start
	for range 1000 {
		busy := rnd.ExpFloat64() * b.hardness
		b.add(busy)
		ms := uint32(max(1, min(4*simInterval, busy*simInterval)))
		bits = consensus.NextBits(r.network, &core.Header{Bits: bits, BusyMS: ms})
		if b.bits != bits || b.hardness != workOf(bits)/r.unit {
			t.Fatalf("bits %08x, want %08x", uint32(b.bits), uint32(bits))
		}
	}
	if b.hardness < .6 || b.hardness > 1.5 {
		t.Errorf("an honest branch of all work ends at a hardness of %v", b.hardness)
	}
}
