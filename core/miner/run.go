package miner

import (
	"context"
	"sync"
	"time"

	"p2pchain/core"
)

const (
	// rebuildEvery is the least time between two templates on one parent. buildShare keeps templates
	// from taking more than that part of a processor: large ones are made less often.
	rebuildEvery = 10 * time.Millisecond
	buildShare   = 20
	// retryAfter is the pause after a failure of ours, such as a block that was refused.
	retryAfter = time.Second
)

// A run is the state of Run, which alone uses it.
type run struct {
	*Miner
	workers []*worker
	sealed  chan sealed

	job    *Job               // what the workers search; nil while idle
	cancel context.CancelFunc // ends the search for job
	wanted bool               // messages came since the last template
	next   time.Time          // no other template on this parent before this
	retry  time.Time          // no template at all before this
	wake   *time.Timer        // for both
}

// sealed is what a worker found.
type sealed struct {
	job    *Job
	header core.Header
}

// Run mines until ctx ends and then returns nil. By then its threads have ended. It must not run
// twice at a time.
func (m *Miner) Run(ctx context.Context) error {
	moved, stopMoved := m.tips.Subscribe()
	defer stopMoved()
	news, stopNews := m.source.Subscribe()
	defer stopNews()
	r := &run{Miner: m, sealed: make(chan sealed), wake: time.NewTimer(0)}
	defer r.wake.Stop()
	defer r.setWorkers(ctx, 0)
	defer r.idle()
	for {
		r.step(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-moved:
		case <-m.changed:
			r.wanted = true
		case <-news:
			r.wanted = true
		case <-r.wake.C:
		case s := <-r.sealed:
			r.seal(ctx, s)
		}
	}
}

// step does what settings, tip and messages ask for.
func (r *run) step(ctx context.Context) {
	s := r.currentSettings()
	if s.idle() {
		r.idle()
		r.setWorkers(ctx, 0)
		return
	}
	r.setWorkers(ctx, s.threads)
	now := time.Now()
	moved := r.job == nil || r.job.parent.Hash != r.tips.Tip().Hash
	wait := r.retry.Sub(now)
	if !moved {
		wait = max(wait, r.next.Sub(now))
	}
	switch {
	case !moved && !r.wanted:
	case wait > 0:
		r.wake.Reset(wait)
	default:
		r.build(ctx, now, s.mode)
	}
}

// build makes a template and gives it to the workers. Since is now for a new parent or after
// idleness; a template that only has more messages goes on with the old one's.
func (r *run) build(ctx context.Context, now time.Time, mode Mode) {
	p := &r.network.Params
	r.wanted = false
	defer func() { r.next = time.Now().Add(max(rebuildEvery, buildShare*time.Since(now))) }()
	tip, msgs, err := r.source.Template(p.MaxBlockMessages, p.MaxBlockBytes)
	if err != nil {
		r.log.Error("making a template", "err", err)
		r.backOff()
		return
	}
	if len(msgs) == 0 && (mode == Auto || p.Pow == core.PowClassic) {
		r.idle()
		return
	}
	if r.job != nil && r.job.sameAs(tip.Hash, msgs) {
		return
	}
	since := now
	if r.job != nil && r.job.parent.Hash == tip.Hash {
		since = r.job.since
	}
	job, err := newJob(r.network, tip, msgs, since, r.cfg.Now)
	if err != nil {
		r.log.Error("making a header", "err", err)
		r.backOff()
		return
	}
	r.start(ctx, job)
}

// backOff stops the search for a while after a failure of ours.
func (r *run) backOff() {
	r.idle()
	r.retry = time.Now().Add(retryAfter)
	r.wake.Reset(retryAfter)
}

// start lets all workers search a job instead of what they search now.
func (r *run) start(ctx context.Context, job *Job) {
	r.idle()
	r.job = job
	var jobCtx context.Context
	jobCtx, r.cancel = context.WithCancel(ctx)
	for i, w := range r.workers {
		lane := Lane{Thread: i, Threads: len(r.workers), meter: w.meter}
		w.give(func() (sealed, bool) {
			h, ok := r.cfg.Search.Search(jobCtx, job, lane)
			return sealed{job, h}, ok
		})
	}
	r.setStatus(func(s *Status) { s.Working, s.Height = true, job.header.Height })
}

// idle ends the search.
func (r *run) idle() {
	if r.job == nil {
		return
	}
	r.cancel()
	r.job, r.cancel = nil, nil
	r.setStatus(func(s *Status) { s.Working, s.Height = false, 0 })
}

// seal submits a block, unless another one was faster. A template that has been replaced by one with
// more messages since is still good.
func (r *run) seal(ctx context.Context, s sealed) {
	if s.header.PreviousHash != r.tips.Tip().Hash {
		return
	}
	r.idle()
	if err := r.submit(ctx, s.job.Block(s.header)); err != nil {
		if ctx.Err() == nil {
			r.log.Error("submitting a block", "height", s.header.Height, "hash", s.header.Hash(), "err", err)
			r.backOff()
		}
		return
	}
	r.setStatus(func(st *Status) { st.Sealed++ })
	r.log.Info("sealed a block", "height", s.header.Height, "hash", s.header.Hash(), "messages", len(s.job.messages))
}

// setWorkers starts or ends workers until there are so many. It waits for those that end.
func (r *run) setWorkers(ctx context.Context, count int) {
	if count == len(r.workers) {
		return
	}
	r.idle() // the lanes are laid out anew
	for len(r.workers) < count {
		r.workers = append(r.workers, r.startWorker(ctx))
	}
	var ended sync.WaitGroup
	for _, w := range r.workers[count:] {
		ended.Go(w.stop)
	}
	ended.Wait()
	r.workers = r.workers[:count]
	if count == 0 {
		return // the last rate stands while nothing is searched
	}
	meters := make([]*meter, count)
	for i, w := range r.workers {
		meters[i] = w.meter
	}
	r.mu.Lock()
	r.meters = meters
	r.mu.Unlock()
}
