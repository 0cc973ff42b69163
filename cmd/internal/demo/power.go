package demo

import (
	"context"
	"sync"
	"time"

	"p2pchain/core"
	"p2pchain/core/miner"
)

const (
	// batch is how many tries a search makes between two looks at its context.
	batch = 4096
	// bossShare is the part of all hashes that one member makes where it is given most of them.
	bossShare = 0.8
)

// A pacer lets the real search go on at a given pace. It is safe for concurrent use.
type pacer struct {
	search miner.Searcher

	mu    sync.Mutex // guards what is below
	every time.Duration
	due   time.Time // of the next batch
}

// set changes the pace, to so many tries a second.
func (p *pacer) set(rate float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.every = time.Duration(batch / rate * float64(time.Second))
	p.due = time.Now().Add(p.every)
}

// next returns how long to wait for the next batch.
func (p *pacer) next() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.due)
}

// begin notes that a batch begins. Time in which nothing was searched is not made up for.
func (p *pacer) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.due = p.due.Add(p.every); p.due.Before(now) {
		p.due = now.Add(p.every)
	}
}

// Search implements miner.Searcher.
func (p *pacer) Search(ctx context.Context, j *miner.Job, l miner.Lane) (core.Header, bool) {
	return p.search.Search(&paced{Context: ctx, pacer: p, lane: l}, j, l)
}

// A paced context holds a search up: searchers ask their context before each batch of tries whether to go on,
// and this one answers when the time for the batch has come.
type paced struct {
	context.Context
	pacer *pacer
	lane  miner.Lane
}

// Err implements context.Context.
func (c *paced) Err() error {
	start := time.Now()
	wait := time.NewTimer(c.pacer.next())
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-c.Done():
	}
	if err := c.Context.Err(); err != nil {
		c.lane.Tried(0, time.Since(start)) // else the hash rate would lack the time before a change of the template
		return err
	}
	c.pacer.begin()
	return nil
}

// A power shares the hash rate out. It is safe for concurrent use.
type power struct {
	pacers []*pacer // by number of the member, less one

	mu   sync.Mutex // guards what is below
	boss int        // the number of the member that has most of it, 0: all have the same
}

// newPower shares evenly.
func newPower(n *core.Network, nodes int) *power {
	p := new(power)
	for range nodes {
		p.pacers = append(p.pacers, &pacer{search: miner.Search(n)})
	}
	p.set(0)
	return p
}

// set gives most of the hash rate to one member, or as much to each for 0.
func (p *power) set(boss int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.boss = boss
	for i, pacer := range p.pacers {
		share := 1 / float64(len(p.pacers))
		switch {
		case boss == i+1:
			share = bossShare
		case boss != 0:
			share = (1 - bossShare) / float64(len(p.pacers)-1)
		}
		pacer.set(share * hashRate)
	}
}

func (p *power) get() (boss int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.boss
}
