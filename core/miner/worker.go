package miner

import (
	"context"

	"p2pchain/core/background"
)

// An assignment searches one job until it is sealed, or until the job is over.
type assignment func() (sealed, bool)

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
		work := func() { w.work(ctx, r.sealed) }
		if r.earnest {
			background.Call(background.Lowest, r.log, work)
		} else {
			work()
		}
	}()
	return w
}

// work does what it is given until ctx ends.
func (w *worker) work(ctx context.Context, out chan<- sealed) {
	for {
		select {
		case <-ctx.Done():
			return
		case search := <-w.next:
			found, ok := search()
			if !ok {
				continue
			}
			select {
			case out <- found:
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
