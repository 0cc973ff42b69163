package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

var (
	// errStopped means that a part ended without being asked to.
	errStopped = errors.New("stopped by itself")
	// errHangs means that a part did not end in time.
	errHangs = errors.New("does not stop")
)

// A part is something that runs as long as the node does.
type part struct {
	name string
	run  func(context.Context) error
}

// A runner is a part that runs.
type runner struct {
	part
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

// start runs a part until its cancel is called, whatever becomes of ctx, and reports its end.
func (p part) start(ctx context.Context, ended chan<- struct{}) *runner {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &runner{part: p, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		err := p.run(own)
		if err == nil && own.Err() == nil {
			err = errStopped
		}
		if err != nil {
			r.err = fmt.Errorf("%s: %w", p.name, err)
		}
		ended <- struct{}{}
	}()
	return r
}

// runParts starts parts in order, waits until ctx ends or one of them does, and then stops them in
// the opposite order, each only after those that lean on it are gone. It returns nil only where ctx
// ended and all of them stopped well within the patience; a part that does not is named and left
// behind, since a process that hangs at its end helps nobody.
func runParts(ctx context.Context, parts []part, patience time.Duration, log *slog.Logger) error {
	ended := make(chan struct{}, len(parts))
	var runners []*runner
	for _, p := range parts {
		runners = append(runners, p.start(ctx, ended))
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	var errs []error
	for i, r := range slices.Backward(runners) {
		begun := time.Now()
		r.cancel()
		select {
		case <-r.done:
			log.Debug("part stopped", "part", r.name, "took", time.Since(begun))
			errs = append(errs, r.err)
		case <-limit.C:
			for _, other := range runners[:i] {
				other.cancel()
			}
			return errors.Join(append(errs, fmt.Errorf("%s: %w", r.name, errHangs))...)
		}
	}
	return errors.Join(errs...)
}
