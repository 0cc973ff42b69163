package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// runParts starts parts in order, waits until ctx ends or one of them does, and then stops them in
// the opposite order, each only after those that lean on it are gone. It returns nil only where ctx
// ended and all of them stopped well within the patience; a part that does not is named and left
// behind, since a process that hangs at its end helps nobody.
func runParts(ctx context.Context, parts []part, patience time.Duration, log *slog.Logger) error {
	type ending struct {
		name string
		err  error
	}
	running := make([]struct {
		cancel context.CancelFunc
		done   chan struct{}
	}, len(parts))
	ended := make(chan ending, len(parts))
	for i, p := range parts {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		running[i].cancel, running[i].done = cancel, make(chan struct{})
		go func() {
			defer close(running[i].done)
			err := p.run(own)
			if own.Err() == nil && err == nil {
				err = errStopped
			}
			ended <- ending{p.name, err}
		}()
	}
	var errs []error
	note := func(e ending) {
		if e.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e.name, e.err))
		}
	}
	select {
	case <-ctx.Done():
	case e := <-ended:
		note(e)
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for i := len(parts) - 1; i >= 0; i-- {
		begun := time.Now()
		running[i].cancel()
		select {
		case <-running[i].done:
			log.Debug("part stopped", "part", parts[i].name, "took", time.Since(begun))
		case <-limit.C:
			for _, r := range running[:i] {
				r.cancel()
			}
			return errors.Join(append(errs, fmt.Errorf("%s: %w", parts[i].name, errHangs))...)
		}
	}
	close(ended)
	for e := range ended {
		note(e)
	}
	return errors.Join(errs...)
}
