package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// nakamoto is the probability that an attacker with the share q of the work replaces a block that
// has z blocks on top, by section 11 of the Bitcoin paper: the attacker's progress is taken for
// Poisson with the mean z·q/p.
func nakamoto(q float64, z int) float64 {
	p := 1 - q
	if q >= p {
		return 1
	}
	sum, lambda := 1.0, float64(z)*q/p
	poisson := math.Exp(-lambda)
	for k := 0; k <= z; k++ {
		sum -= poisson * (1 - math.Pow(q/p, float64(z-k)))
		poisson *= lambda / float64(k+1)
	}
	return max(0, sum)
}

// rosenfeld is the same by "Analysis of hashrate-based double-spending" (arXiv:1402.2009), formula
// (1): the attacker's progress is negative binomial, and one block was found before the race began.
func rosenfeld(q float64, z int) float64 {
	p := 1 - q
	if q >= p {
		return 1
	}
	// Each step has C(m+z−1, m)·pᶻ·qᵐ; pᵐ·qᶻ is that times (q/p)^(z−m).
	sum, term := 0.0, math.Pow(p, float64(z))
	for m := 0; m <= z; m++ {
		sum += term * (1 - math.Pow(q/p, float64(z-m)))
		term *= q * float64(m+z) / float64(m+1)
	}
	return max(0, 1-sum)
}

// A claim says for how many intervals an attacker says that a block took which took so many.
type claim func(busy float64) float64

func claimTruth(busy float64) float64 { return busy }
func claimLeast(float64) float64      { return 0 }
func claimMost(float64) float64       { return mostBusy }

const (
	raceRuns    = 2500
	raceHorizon = 160 // honest blocks after which the attacker gives up
	raceFloor   = 8   // how much harder than the floor a block is when the race begins
	raceDeficit = 50  // intervals of work behind, at which the attacker gives up
)

// race simulates one attack: two branches from one fork, each by the retarget rule, one with q of the
// work and one with the rest. It returns after how many honest blocks the attacker was ahead for the
// last time; a confirmation count up to that would have been deceived.
func race(r *rules, rnd *rand.Rand, q float64, c claim) int {
	honest, attacker := newBranch(r), newBranch(r)
	ahead := 0
	since, start := 0.0, 0.0 // of the honest block and of the attacker's that are being searched
	now := 0.0
	for honest.blocks < raceHorizon && honest.work-attacker.work < raceDeficit {
		// Exponential times have no memory, so both are drawn anew at each block.
		h := rnd.ExpFloat64() * honest.hardness / (1 - q)
		a := rnd.ExpFloat64() * attacker.hardness / q
		now += min(h, a)
		if h < a {
			honest.add(now - since)
			since = now
		} else {
			attacker.add(c(now - start))
			start = now
		}
		if attacker.work > honest.work || attacker.work == honest.work && rnd.IntN(2) == 0 { // the lower hash
			ahead = honest.blocks
		}
	}
	return ahead
}

// simulateRace returns the share of races in which an attacker replaced z blocks, for each z.
func simulateRace(r *rules, rnd *rand.Rand, q float64, c claim, zs []int) []float64 {
	out := make([]float64, len(zs))
	for range raceRuns {
		ahead := race(r, rnd, q, c)
		for i, z := range zs {
			if ahead >= z {
				out[i] += 1.0 / raceRuns
			}
		}
	}
	return out
}

func raceDepths() []int { return []int{1, 2, 6, 12, 24, 60} }

// raceTable compares the formulas with races by our retarget rule.
func (a *assumptions) raceTable() string {
	t := newTable("attacker's share", "by", "z = 1", "2", "6", "12", "24", "60")
	r, rnd := newRules(raceFloor), random(1)
	for _, q := range []float64{.10, .20, .30, .40, .45} {
		for _, by := range []struct {
			name    string
			formula func(float64, int) float64
			claim   claim
		}{
			{"Nakamoto", nakamoto, nil},
			{"Rosenfeld", rosenfeld, nil},
			{"simulated, honest `busy_ms`", nil, claimTruth},
			{"simulated, claims 1 ms", nil, claimLeast},
			{"simulated, claims 4·T", nil, claimMost},
		} {
			cells := []string{percent(q), by.name}
			var seen []float64
			if by.claim != nil {
				seen = simulateRace(r, rnd, q, by.claim, raceDepths())
			}
			for i, z := range raceDepths() {
				switch {
				case by.formula != nil:
					cells = append(cells, percent(max(1e-9, by.formula(q, z)))) // never 0, but for rounding
				case seen[i] < 5./raceRuns: // too few to be a figure
					cells = append(cells, "< "+percent(5./raceRuns))
				default:
					cells = append(cells, percent(seen[i]))
				}
			}
			t.row(cells...)
		}
	}
	return t.String()
}

// eyalSirer is the share of the blocks of the best chain that a selfish miner with the share alpha
// gets, where gamma of the others' work goes to his branch at a tie: formula (8) of "Majority is not
// enough" (arXiv:1311.0243).
func eyalSirer(alpha, gamma float64) float64 {
	top := alpha*(1-alpha)*(1-alpha)*(4*alpha+gamma*(1-2*alpha)) - alpha*alpha*alpha
	return top / (1 - alpha*(1+(2-alpha)*alpha))
}

// selfishTable has the shares of blocks of a miner who withholds.
func (a *assumptions) selfishTable() string {
	t := newTable("share of the work", "of the blocks, honest", "withholding, half of the ties won", "withholding, all ties won")
	for _, q := range []float64{.10, .20, .25, .30, .33, .40, .45} {
		t.row(percent(q), percent(q), percent(max(0, eyalSirer(q, .5))), percent(eyalSirer(q, 1)))
	}
	return t.String()
}

// delayTable has the probability that a message that some miners leave out waits for longer than n blocks.
func (a *assumptions) delayTable() string {
	t := newTable("share that leaves it out", "blocks until it is sealed, mean", "longer than 3", "than 6", "than 20")
	for _, q := range []float64{.10, .30, .50, .70, .90} {
		cells := []string{percent(q), fmt.Sprintf("%.1f", 1/(1-q))}
		for _, n := range []float64{3, 6, 20} {
			cells = append(cells, percent(math.Pow(q, n)))
		}
		t.row(cells...)
	}
	return t.String()
}
