package main

import (
	"fmt"
	"math"
	"math/rand/v2"
)

const (
	claimBlocks = 12000 // of each simulation, after settle blocks that do not count
	settle      = 1000
	claimFloor  = 60 // how much harder than the floor a block starts
)

// A crowd mines one branch together; a part of it makes claims about busy_ms.
type crowd struct {
	share float64 // that makes claims
	claim claim
	gap   float64 // intervals between two messages on average; 0: there is always something to seal
}

// mine returns mean and standard deviation of the hardness, and how long one block lasts, from one to
// the next, in intervals. A miner can claim no more than the time since the parent.
func (c crowd) mine(r *rules, rnd *rand.Rand) (hardness, deviation, period float64) {
	b := newBranch(r)
	now, message, from := 0.0, 0.0, 0.0
	var sum, squares float64
	for i := range settle + claimBlocks {
		if i == settle {
			from = now
		}
		start := max(now, message)
		found := start + rnd.ExpFloat64()*b.hardness
		busy, elapsed := found-start, found-now
		if rnd.Float64() < c.share {
			busy = min(c.claim(busy), elapsed)
		}
		b.add(busy)
		now = found
		for c.gap > 0 && message <= now {
			message += rnd.ExpFloat64() * c.gap
		}
		if i >= settle {
			sum += b.hardness
			squares += b.hardness * b.hardness
		}
	}
	hardness = sum / claimBlocks
	return hardness, math.Sqrt(squares/claimBlocks - hardness*hardness), (now - from) / claimBlocks
}

// claimsTable shows what the network's difficulty becomes when a part of it lies about busy_ms.
func (a *assumptions) claimsTable() string {
	t := newTable("who claims what", "always something to seal", "a message every 12·T (a minute at 5 s)", "every 100·T")
	r, rnd := newRules(claimFloor), random(2)
	for _, row := range []struct {
		name  string
		share float64
		claim claim
	}{
		{"nobody lies", 0, claimTruth},
		{"10 % claim the most", .10, claimMost},
		{"20 % claim the most", .20, claimMost},
		{"33 % claim the most", .33, claimMost},
		{"10 % claim 1 ms", .10, claimLeast},
		{"33 % claim 1 ms", .33, claimLeast},
		{"half claim 1 ms", .50, claimLeast},
	} {
		cells := []string{row.name}
		for _, gap := range []float64{0, 12, 100} {
			mean, dev, _ := crowd{row.share, row.claim, gap}.mine(r, rnd)
			cell := fmt.Sprintf("%.2f ± %.2f", mean, dev)
			if mean < 1.5/claimFloor {
				cell = "the floor"
			}
			cells = append(cells, cell)
		}
		t.row(cells...)
	}
	return t.String()
}
