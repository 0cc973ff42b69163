package main

import (
	"math/rand/v2"
	"slices"
)

const gapDays = 40 // simulated days of each load

// gaps returns the times between two blocks over some days, sorted, and the longest of each day.
func (a *assumptions) gaps(l load, rnd *rand.Rand) (all, longest []float64) {
	for range gapDays {
		most := 0.0
		for now := 0.0; now < 86400; {
			gap := rnd.ExpFloat64() * a.blockTime()
			if l.gap > 0 {
				gap += rnd.ExpFloat64() * l.gap
			}
			all, most = append(all, gap), max(most, gap)
			now += gap
		}
		longest = append(longest, most)
	}
	slices.Sort(all)
	slices.Sort(longest)
	return all, longest
}

// gapsTable says how far back a miner can date the next block without redoing one.
func (a *assumptions) gapsTable() string {
	t := newTable("something to seal", "time between two blocks: median", "95 % are below", "longest of a day, median")
	rnd := random(3)
	for _, l := range loads() {
		all, longest := a.gaps(l, rnd)
		t.row(l.name, span(all[len(all)/2]), span(all[len(all)*95/100]), span(longest[len(longest)/2]))
	}
	return t.String()
}

// backdateTable says how long it takes to make blocks that are dated back into a gap, while nobody
// else mines: the one with the message and one, or six, that confirm it.
func (a *assumptions) backdateTable() string {
	t := newTable(append([]string{"blocks made in secret", "hashes"}, a.names()...)...)
	for _, row := range []struct {
		name   string
		blocks float64
	}{{"the message's", 1}, {"and the next one: both bounds of its time are then his", 2}, {"and six on top of it", 7}} {
		work := row.blocks * a.block()
		cells := []string{row.name, power(work)}
		for _, m := range a.machines {
			cells = append(cells, m.cost(work))
		}
		t.row(cells...)
	}
	return t.String()
}
