package main

import (
	"context"
	"errors"
	"time"

	"p2pchain/api/client"
	"p2pchain/cmd/internal/node"
)

// awayPatience is how long a wait for blocks outlasts that its node does not answer, unless --timeout says
// how long. What is waited for is on the node's disk, and one that is started again is back by then.
const (
	awayPatience = 30 * time.Second
	awayPause    = time.Second
)

// A lasting wait goes on where its node goes away and comes back, perhaps at another address.
type lasting struct {
	find func(context.Context) (*client.Client, error) // finds the node and sees it answer
	say  func(format string, args ...any)
}

// lastingAt returns the wait for the node that the flags name.
func (a *app) lastingAt(f *clientFlags) *lasting {
	return &lasting{func(ctx context.Context) (*client.Client, error) {
		c, err := a.connect(ctx, f)
		if err != nil {
			return nil, err
		}
		if _, err := c.Node(ctx); passes(err) { // any other answer is for who waits
			c.Close()
			return nil, err
		}
		return c, nil
	}, a.sayAside}
}

// run waits, and again each time that the node is back. Where it stays away the error is why. Whoever waits
// is asked once more when ctx ends, since it knows what to say then.
func (l *lasting) run(ctx context.Context, c *client.Client, wait func(*client.Client) error) error {
	err := wait(c)
	for isAway(err) && ctx.Err() == nil {
		l.say("%v; waiting for the node to come back", err)
		back, found := l.untilBack(ctx)
		switch {
		case found:
			l.say("the node answers again")
			err = wait(back)
			back.Close()
		case ctx.Err() != nil:
			err = wait(c)
		default:
			return err
		}
	}
	return err
}

// untilBack returns a client as soon as the node answers, false where it does not in time.
func (l *lasting) untilBack(ctx context.Context) (*client.Client, bool) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, awayPatience)
		defer cancel()
	}
	pause := time.NewTicker(awayPause)
	defer pause.Stop()
	for {
		if c, err := l.find(ctx); err == nil {
			return c, true
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, false
		}
	}
}

// isAway reports whether no node answers, or none runs any more.
func isAway(err error) bool {
	return errors.Is(err, client.ErrUnreachable) || errors.Is(err, node.ErrNoAddress)
}
