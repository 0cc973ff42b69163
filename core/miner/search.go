package miner

import (
	"context"
	"time"

	"p2pchain/core"
	"p2pchain/core/consensus"
	"p2pchain/core/miner/internal/scan"
)

// A Searcher finds proofs of work. Simulations put one that draws lots in the place of the real one.
type Searcher interface {
	// Search tries nonces until one is found, and returns the sealed header of the job, or until ctx
	// ends, and returns false. Several threads search the same job at once, each with its own Lane.
	Search(ctx context.Context, j *Job, l Lane) (core.Header, bool)
}

// A Lane is one of the threads that search a job together.
type Lane struct {
	Thread, Threads int // 0 ≤ Thread < Threads
	meter           *meter
}

// Tried counts tries for the hash rate.
func (l Lane) Tried(tries uint64, took time.Duration) {
	if l.meter != nil { // as in a lane that a test made
		l.meter.add(tries, took)
	}
}

// nonces returns the part of all nonces that is this thread's.
func (l Lane) nonces() (first, end uint64) {
	size := (consensus.MaxNonce + 1) / uint64(l.Threads)
	return uint64(l.Thread) * size, uint64(l.Thread+1) * size
}

// batch is the number of tries between two looks at time and context: 0.07 ms with SHA instructions,
// a few without.
const batch = 4096

// Search returns the real search for a network's kind of proof of work.
func Search(n *core.Network) Searcher {
	if n.Params.Pow == core.PowClassic {
		return classicSearch{}
	}
	return headerSearch{scan.Variants()[0]}
}

// headerSearch searches a header whose hash is at or below the target. The time in it goes on with
// the clock.
type headerSearch struct{ variant scan.Variant }

func (s headerSearch) Search(ctx context.Context, j *Job, l Lane) (core.Header, bool) {
	scanner := s.variant.New(j.target)
	first, end := l.nonces()
	nonce, start := first, time.Now()
	for ctx.Err() == nil {
		h := j.Header()
		scanner.Set(&h)
		count := int(min(batch, end-nonce))
		found, ok := try(scanner, nonce, count)
		now := time.Now()
		l.Tried(uint64(count), now.Sub(start))
		start = now
		if ok {
			h.Nonce = found
			return h, true
		}
		if nonce += uint64(count); nonce == end {
			nonce = first // after months; the time in the header is another by now
		}
	}
	return core.Header{}, false
}

// try is a call of its own so that its prologue checks the stack, which is where the runtime can stop
// this thread: the assembly below it has no such place.
//
//go:noinline
func try(s *scan.Scanner, first uint64, count int) (uint64, bool) { return s.Scan(first, count) }

// classicSearch tries proofs from 0 up, as seed 1 does; several threads take turns.
type classicSearch struct{}

func (classicSearch) Search(ctx context.Context, j *Job, l Lane) (core.Header, bool) {
	start := time.Now()
	for proof := uint64(l.Thread); proof <= consensus.MaxNonce && ctx.Err() == nil; {
		for range batch {
			if consensus.ClassicMet(consensus.ClassicProof(&j.parent.Header, proof), j.network.Params.Difficulty) {
				h := j.Header()
				h.Nonce = proof
				return h, true
			}
			proof += uint64(l.Threads)
		}
		now := time.Now()
		l.Tried(batch, now.Sub(start))
		start = now
	}
	return core.Header{}, false
}
