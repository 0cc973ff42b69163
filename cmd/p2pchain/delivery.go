package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
	"p2pchain/cmd/internal/spool"
)

// retryLeast and retryMost bound how long a delivery waits before it tries the node again.
const (
	retryLeast = 250 * time.Millisecond
	retryMost  = 5 * time.Second
)

// A delivery brings groups of lines to a node, in order and each exactly once. While the node answers
// nothing is written to disk. As soon as it does not, what comes is kept in a spool, and from then on
// everything goes through the spools, oldest first, until they are empty.
type delivery struct {
	// send brings one group to the node. It returns once every line has its result, or why that cannot
	// be: then it is sent again under the same key, so it may be on the node or not.
	send func(context.Context, *spool.Group) error
	from *gatherer
	stop func() // ends the input, so that the groups end soon
	say  func(format string, args ...any)

	own  *spool.Spool   // for what comes now
	left []*spool.Spool // of processes that are gone, oldest first
	held *spool.Group   // what no spool takes; nothing is read meanwhile

	down bool // said that the node does not answer
	full bool // said that nothing can be kept
}

// A keptError means that lines wait in a spool.
type keptError struct {
	lines int
	path  string
	err   error
}

func (e *keptError) Error() string {
	wait := "wait"
	if e.lines == 1 {
		wait = "waits"
	}
	return fmt.Sprintf("%s %s in %s, for the next 'p2pchain add -' or 'p2pchain add --flush': %v", plural(e.lines, "line"), wait, e.path, e.err)
}

func (e *keptError) Unwrap() error { return e.err }

// passes reports whether sending may work later, without anybody doing something about it here.
func passes(err error) bool {
	for _, passing := range []error{client.ErrUnreachable, client.ErrBusy, node.ErrNoAddress, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// run delivers all groups until their end. Sending ends with sendCtx. Once the input has ended and the
// node does not answer, it is tried until more ends; nil means once. What is left then is kept, and the
// error, a *keptError, says where.
func (d *delivery) run(sendCtx, more context.Context) error {
	for {
		if d.waiting() {
			open, err := d.drain(sendCtx, more)
			if err != nil {
				return d.keepRest(err)
			}
			if !open {
				return nil
			}
			continue
		}
		g, ok := <-d.from.groups
		if !ok {
			return nil
		}
		if err := d.send(sendCtx, g); err != nil {
			d.keep(g, err)
			if !passes(err) {
				return d.keepRest(err)
			}
		}
	}
}

// waiting reports whether anything is to be sent before what comes next.
func (d *delivery) waiting() bool { return d.head() != nil || d.held != nil }

// head returns the spool with the oldest group, nil where none has one.
func (d *delivery) head() *spool.Spool {
	for _, s := range d.left {
		if !s.Empty() {
			return s
		}
	}
	if !d.own.Empty() {
		return d.own
	}
	return nil
}

// keep puts a group into the spool, or holds it where that cannot be.
func (d *delivery) keep(g *spool.Group, why error) {
	if !d.down && why != nil {
		d.down = true
		d.say("%v; lines are kept in %s meanwhile", why, d.own.Path())
	}
	if err := d.own.Append(g); err != nil {
		d.held = g
		if !d.full {
			d.full = true
			d.say("nothing more is read until the node answers: %v", err)
		}
	}
}

// first returns the group to send next, nil if there is none.
func (d *delivery) first() (*spool.Group, error) {
	s := d.head()
	if s == nil {
		return d.held, nil
	}
	g, err := s.First()
	if err != nil {
		return nil, fmt.Errorf("%w; set %s aside and start again", err, s.Path())
	}
	return g, nil
}

// done takes out the group that was sent.
func (d *delivery) done() error {
	if s := d.head(); s != nil {
		if err := s.Done(); err != nil {
			return fmt.Errorf("spool %s: %w", s.Path(), err)
		}
	} else {
		d.held = nil
	}
	if d.held != nil && d.own.Append(d.held) == nil {
		d.held, d.full = nil, false
	}
	return nil
}

// drain sends what is kept, and keeps what comes meanwhile, until nothing is left. It reports whether
// more may come.
func (d *delivery) drain(ctx, more context.Context) (open bool, err error) {
	open = true
	ended := d.from.ended
	sent := make(chan error, 1)
	retry := time.NewTimer(0)
	defer retry.Stop()
	under, pause := false, retryLeast
	defer func() {
		if under {
			<-sent // it uses what is to be closed
		}
	}()
	for d.waiting() || under {
		select {
		case g, ok := <-d.input(open):
			if open = ok; ok {
				d.keep(g, nil)
			}
		case <-ended: // nothing is gained by waiting any longer
			if ended = nil; !under {
				retry.Reset(0)
			}
		case <-retry.C:
			g, err := d.first()
			if err != nil {
				return open, err
			}
			under = true
			go func() { sent <- d.send(ctx, g) }()
		case err := <-sent:
			under = false
			if err == nil {
				if err := d.done(); err != nil {
					return open, err
				}
				pause = retryLeast
				retry.Reset(0)
				continue
			}
			if !passes(err) || ended == nil && (more == nil || more.Err() != nil) {
				return open, err
			}
			retry.Reset(pause)
			pause = min(2*pause, retryMost)
		}
	}
	d.sayUp()
	return open, nil
}

// sayUp ends what keep said.
func (d *delivery) sayUp() {
	if d.down {
		d.down = false
		d.say("the node answers again; nothing is kept any more")
	}
}

// input returns where the next group comes from, nil as long as none is read.
func (d *delivery) input(open bool) <-chan *spool.Group {
	if d.held != nil || !open {
		return nil
	}
	return d.from.groups
}

// keepRest keeps what is still to come, and says where.
func (d *delivery) keepRest(err error) error {
	lost := 0
	if d.held != nil {
		lost = len(d.held.Lines)
	}
	d.stop()
	for g := range d.from.groups {
		if d.held != nil || d.own.Append(g) != nil {
			lost += len(g.Lines)
		}
	}
	kept := &keptError{lines: d.own.Lines(), path: d.own.Path(), err: err}
	for _, s := range d.left {
		kept.lines += s.Lines()
	}
	if d.own.Empty() && len(d.left) > 0 {
		kept.path = d.left[0].Path()
	}
	if lost > 0 {
		err = fmt.Errorf("the last %s could not be kept anywhere: %w", plural(lost, "line"), err)
	}
	if kept.lines > 0 {
		kept.err = err
		return kept
	}
	return err
}

// close closes the spools; what is in them stays.
func (d *delivery) close() error {
	errs := []error{d.own.Close()}
	for _, s := range d.left {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
