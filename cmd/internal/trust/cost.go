package main

import (
	"fmt"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

// A load says how often there is something to seal.
type load struct {
	name string
	gap  float64 // seconds between two messages on average; 0: always
}

func loads() []load {
	return []load{
		{"always (or `--mine always`)", 0},
		{"a message every 10 s", 10},
		{"a message a minute", 60},
		{"a message an hour", 3600},
	}
}

// busy is the part of the time in which the network mines: a message comes after gap seconds on
// average, and sealing it takes T.
func (a *assumptions) busy(l load) float64 { return a.blockTime() / (a.blockTime() + l.gap) }

// blockTime is how long a block takes while the network mines: T, or more where the floor is more work
// than the network does in T.
func (a *assumptions) blockTime() float64 { return a.block() / a.rate() }

// networkTable says what the network's assumptions come to.
func (a *assumptions) networkTable() string {
	t := newTable("figure", "value", "from")
	t.row("hash rate", power(a.rate())+"/s", fmt.Sprintf("%d × %d × %s/s", a.nodes, a.threads, power(a.machines[0].rate)))
	t.row("the floor: the least work of a block", power(a.floor()), fmt.Sprintf("16^%d", a.digits))
	t.row("work of a block once the rule has settled", power(a.block()), "hash rate × T, at least the floor")
	for _, l := range loads() {
		t.row("work of a day, something to seal: "+l.name, power(a.rate()*86400*a.busy(l)),
			fmt.Sprintf("%s blocks, mining %s of the time", power(86400*a.busy(l)/a.blockTime()), percent(a.busy(l))))
	}
	return t.String()
}

// redoTable says what it costs to do work again while the network stands still.
func (a *assumptions) redoTable() string {
	day := func(l load) float64 { return a.rate() * 86400 * a.busy(l) }
	always, minute := loads()[0], loads()[2]
	t := newTable(append([]string{"what is redone", "hashes"}, a.names()...)...)
	for _, row := range []struct {
		name string
		work float64
	}{
		{"6 blocks at the floor", 6 * a.floor()},
		{"6 blocks", 6 * a.block()},
		{"a day, a message a minute", day(minute)},
		{"a day, always mining", day(always)},
		{"a year, a message a minute", 365.25 * day(minute)},
		{"a year, always mining", 365.25 * day(always)},
	} {
		cells := []string{row.name, power(row.work)}
		for _, m := range a.machines {
			cells = append(cells, m.cost(row.work))
		}
		t.row(cells...)
	}
	return t.String()
}

func (a *assumptions) names() []string {
	var out []string
	for _, m := range a.machines {
		out = append(out, m.name)
	}
	return out
}

// cost is the time of a machine, and its rent.
func (m machine) cost(work float64) string {
	seconds := work / m.rate
	if m.rent == 0 {
		return span(seconds)
	}
	return span(seconds) + ", " + money(m.rent*seconds/3600)
}

// idleTable says how fast a machine rewrites a day while the network goes on as before: it gains its
// own rate less what the network does in the same time.
func (a *assumptions) idleTable() string {
	t := newTable(append([]string{"something to seal", "share that wins in the end"}, a.names()...)...)
	for _, l := range append(loads(), load{"nothing any more", -1}) {
		busy := 0.0
		if l.gap >= 0 {
			busy = a.busy(l)
		}
		cells := []string{l.name, "any"}
		if busy > 0 {
			cells[1] = "over " + percent(busy/(1+busy))
		}
		for _, m := range a.machines {
			gain := m.rate - busy*a.rate()
			if gain <= 0 {
				cells = append(cells, "never")
				continue
			}
			work := a.rate() * 86400 * a.busy(loads()[2])
			if l.gap >= 0 {
				work = a.rate() * 86400 * busy
			}
			cells = append(cells, span(work/gain))
		}
		t.row(cells...)
	}
	return t.String()
}

// forgeTable says what it costs to make a proof up that has no anchor: three headers at the floor.
func (a *assumptions) forgeTable() string {
	t := newTable(append([]string{"difficulty of the network", "hashes of three headers"}, a.names()...)...)
	for _, digits := range []int{4, 5, 6, 7, 8, 10, 12} {
		work := 3 * pow16(digits)
		cells := []string{fmt.Sprint(digits), power(work)}
		for _, m := range a.machines {
			cells = append(cells, m.cost(work))
		}
		t.row(cells...)
	}
	return t.String()
}

// anchorTable says what can still be rewritten where the tip is anchored from time to time.
func (a *assumptions) anchorTable() string {
	t := newTable(append([]string{"tip anchored every", "work that no anchor covers, at most"}, a.names()...)...)
	for _, row := range []struct {
		name    string
		seconds float64
	}{{"hour", 3600}, {"day", 86400}, {"week", 7 * 86400}, {"never, after a year", 365.25 * 86400}} {
		work := a.rate() * row.seconds * a.busy(loads()[2])
		cells := []string{row.name, power(work)}
		for _, m := range a.machines {
			cells = append(cells, m.cost(work))
		}
		t.row(cells...)
	}
	return t.String()
}

// classicBlocks is how many blocks of the network classic the program rewrites.
const classicBlocks = 5

// classicTable builds a branch of the network classic, changes what its first block holds, and lets
// the rules judge the rewritten branch with the proofs of the old one.
func (a *assumptions) classicTable() string {
	params, _ := core.Builtin("classic")
	params.Difficulty = 3 // the proofs are found here, and fewer digits change nothing in the argument
	n, err := core.NewNetwork(params)
	if err != nil {
		panic(err) // a built-in network with a difficulty in its limits
	}
	proofs := make([]uint64, classicBlocks)
	honest, tries := classicBranch(n, proofs, core.Hash{1})
	forged, again := classicBranch(n, proofs, core.Hash{2})
	t := newTable("branch of "+fmt.Sprint(classicBlocks)+" blocks, difficulty 3", "tip", "tries", "judged by the rules")
	t.row("as mined", honest.Hash().String()[:16]+"…", fmt.Sprint(tries), "valid")
	t.row("another message in its first block, the same proofs", forged.Hash().String()[:16]+"…", fmt.Sprint(again), "valid, with as much work")
	return t.String()
}

// classicBranch mines a branch whose first block has this message root. Proofs that are not 0 are
// tried first. It panics where a header breaks a rule.
func classicBranch(n *core.Network, proofs []uint64, root core.Hash) (tip core.Header, tries int) {
	tip = n.Header
	var history core.Frontier
	for i := range proofs {
		history = history.Append(tip.Hash())
		work, err := consensus.ChildWork(&tip, tip.Bits)
		if err != nil {
			panic(err)
		}
		h := core.Header{MessageCount: 1, Height: tip.Height + 1, PreviousHash: tip.Hash(), MessageRoot: root,
			HistoryRoot: history.Root(), Work: work, TimeMS: tip.TimeMS + 1, Bits: tip.Bits, Nonce: proofs[i]}
		for consensus.CheckPow(n, &tip, &h) != nil {
			h.Nonce++
			tries++
		}
		if err := consensus.CheckHeader(n, &tip, tip.Hash(), history, &h); err != nil {
			panic(err)
		}
		proofs[i], tip, root = h.Nonce, h, core.Hash{3}
	}
	return tip, tries
}
