package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"p2pchain/p2p/syncer"
)

const (
	// pulseEvery is the time between two looks at whether the parts answer.
	pulseEvery = 5 * time.Second
	// pulsePatience is how long a part may take to answer before the node counts as stuck. The chain may
	// be busy with one large change for many seconds.
	pulsePatience = time.Minute
)

// A pulse asks each part something that needs its lock, again and again. A part that does not answer
// any more, by a deadlock or a disk that hangs, is found by it: the process looks alive from outside.
type pulse struct {
	questions []question

	mu    sync.Mutex // guards what is below
	beat  time.Time  // when all had answered last, or when the pulse began
	asked string     // which part is being asked; empty between two looks
}

// A question asks one part something quick.
type question struct {
	part string
	ask  func()
}

// Run asks until ctx ends and then returns nil. While a part does not answer, Run waits for it.
func (p *pulse) Run(ctx context.Context) error {
	p.note(func() { p.beat = time.Now() })
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		for _, q := range p.questions {
			p.note(func() { p.asked = q.part })
			q.ask()
		}
		p.note(func() { p.beat, p.asked = time.Now(), "" })
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *pulse) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// check says which part is stuck, nil if none is. It never waits.
func (p *pulse) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	silent := time.Since(p.beat)
	if p.beat.IsZero() || silent < pulsePatience {
		return nil
	}
	return fmt.Errorf("%s has not answered for %v", p.asked, silent.Round(time.Second))
}

// openPulse makes the pulse of all parts.
func (n *Node) openPulse() {
	n.pulse = &pulse{questions: []question{
		{"chain", func() { n.chain.BestHeader() }},
		{"mempool", func() { n.pool.Totals() }},
		{"store", func() { n.store.Stats() }},
		{"p2p", func() { n.p2p.Peers() }},
		{"bootstrap", func() { n.bootstrap.Status() }},
		{"miner", func() { n.miner.Status() }},
	}}
}

// Live says which part of the node is stuck, nil while all work. It never waits. Who supervises the
// process should start it anew where this fails.
func (n *Node) Live() error { return n.pulse.check() }

// Ready says why the node cannot take messages now, nil if it can.
func (n *Node) Ready() error { return n.ready() }

// Summary says in one line how the node is, for those who run it.
func (n *Node) Summary() string {
	if err := n.Live(); err != nil {
		return "stuck: " + err.Error()
	}
	if err := n.ready(); err != nil {
		return "takes no messages: " + err.Error()
	}
	s, tip := n.p2p.Sync(), n.chain.Tip().Header.Height
	peers := len(n.p2p.Peers())
	if s.State == syncer.Headers || s.State == syncer.Fetching {
		return fmt.Sprintf("fetches the chain: block %d of %d, %d peers", tip, max(tip, s.Target), peers)
	}
	return fmt.Sprintf("at block %d, %d peers, %d messages wait", tip, peers, n.pool.Totals().Count)
}
