// Package minertest has miners for simulations.
package minertest

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"p2pchain/core"
	"p2pchain/core/miner"
)

// A Poisson is a miner.Searcher that waits as long as a search at its rate would take, and only then
// really looks for a nonce. Inside a synctest bubble, where real searches would stop the clock, its
// miners find blocks just as often as real ones. The same seed gives the same times.
//
// Every block still costs its difficulty in real hashes: keep rate times block interval low.
type Poisson struct {
	search miner.Searcher
	rate   float64
	seed   uint64

	mu     sync.Mutex
	random map[int]*rand.Rand // by thread, so that the order in which threads draw does not matter
}

// NewPoisson returns a searcher of so many tries per second and thread.
func NewPoisson(n *core.Network, triesPerSecond float64, seed uint64) *Poisson {
	return &Poisson{search: miner.Search(n), rate: triesPerSecond, seed: seed, random: make(map[int]*rand.Rand)}
}

// Search implements miner.Searcher.
func (p *Poisson) Search(ctx context.Context, j *miner.Job, l miner.Lane) (core.Header, bool) {
	wait := time.Duration(p.draw(l.Thread) * j.Tries() / p.rate * float64(time.Second))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	start := time.Now()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	took := time.Since(start)
	l.Tried(uint64(took.Seconds()*p.rate+0.5), took)
	return p.search.Search(ctx, j, l)
}

// draw returns an exponentially distributed number of mean 1.
func (p *Poisson) draw(thread int) float64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	r, ok := p.random[thread]
	if !ok {
		r = rand.New(rand.NewPCG(p.seed, uint64(thread)))
		p.random[thread] = r
	}
	return r.ExpFloat64()
}
