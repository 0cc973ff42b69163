package miner

import "context"

// An assignment is what a worker searches next; ctx ends it.
type assignment struct {
	ctx  context.Context
	job  *Job
	lane Lane
}

// A worker is one search thread.
type worker struct {
	next   chan assignment // of capacity 1: only the last one counts
	meter  *meter
	cancel context.CancelFunc
	done   chan struct{}
}

func (r *run) startWorker(ctx context.Context) *worker {
	ctx, cancel := context.WithCancel(ctx)
	w := &worker{next: make(chan assignment, 1), meter: new(meter), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		work := func() { w.work(ctx, r.cfg.Search, r.sealed) }
		if r.earnest {
			inBackground(r.log, work)
		} else {
			work()
		}
	}()
	return w
}

// work searches what it is given until ctx ends.
func (w *worker) work(ctx context.Context, search Searcher, out chan<- sealed) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-w.next:
			h, ok := search.Search(a.ctx, a.job, a.lane)
			if !ok {
				continue
			}
			select {
			case out <- sealed{a.job, h}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// give replaces what the worker would do next; it never waits, since nobody else gives.
func (w *worker) give(a assignment) {
	select {
	case <-w.next:
	default:
	}
	w.next <- a
}

// stop ends the worker and waits for it.
func (w *worker) stop() {
	w.cancel()
	<-w.done
}
