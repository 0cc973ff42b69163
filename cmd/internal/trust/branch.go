package main

import (
	"math/rand/v2"

	"p2pchain/core"
	"p2pchain/core/consensus"
)

const (
	simInterval = 5000 // T in ms; the simulations' results do not depend on it
	mostBusy    = 4    // busy_ms is at most this many intervals (docs/formats.md, Rules)
)

// A network's proof of work, for simulations in which hashing is a draw of lots.
type rules struct {
	network *core.Network
	start   core.Bits
	unit    float64 // work of a block that takes the interval with all of the network's work
}

// newRules returns rules under which blocks start so many times harder than the floor.
func newRules(aboveFloor uint64) *rules {
	p, _ := core.Builtin("test")
	p.BlockIntervalMS = simInterval
	n, err := core.NewNetwork(p)
	if err != nil {
		panic(err) // the parameters are constants
	}
	r := &rules{network: n, start: n.Floor.Scale(1, aboveFloor).Bits()}
	r.unit = workOf(r.start)
	return r
}

// workOf returns the work of a block with these bits.
func workOf(bits core.Bits) float64 {
	w, err := consensus.ChildWork(&core.Header{}, bits)
	if err != nil {
		panic(err) // bits come from NextBits alone
	}
	return w.Float()
}

// A branch is the end of a chain: what the next target depends on, and all work since the start.
type branch struct {
	rules    *rules
	bits     core.Bits
	hardness float64 // of the next block, in intervals of the whole network's work
	work     float64 // of all blocks, in the same unit
	blocks   int
}

func newBranch(r *rules) *branch { return &branch{rules: r, bits: r.start, hardness: 1} }

// add appends a block whose miner claims to have been busy for so many intervals.
func (b *branch) add(busy float64) {
	b.work += b.hardness
	b.blocks++
	ms := max(1, min(mostBusy*simInterval, busy*simInterval))
	b.bits = consensus.NextBits(b.rules.network, &core.Header{Bits: b.bits, BusyMS: uint32(ms)})
	b.hardness = workOf(b.bits) / b.rules.unit
}

// random is the generator of one table, from a fixed seed, so that the page stays the same.
func random(table uint64) *rand.Rand { return rand.New(rand.NewPCG(5, table)) }
