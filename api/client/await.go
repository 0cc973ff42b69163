package client

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"p2pchain/core"
)

const (
	// longPoll is how long one request waits for a confirmation.
	longPoll = 25 * time.Second
	// pollConfirmations is how often AwaitConfirmations looks.
	pollConfirmations = 500 * time.Millisecond
	// awaitPage is how many messages of a block AwaitAll reads at once, if they are small.
	awaitPage = 1000
)

// Await returns a message as soon as it is in a block of the best chain. If ctx ends first, it
// returns what it knew last and ctx's error.
func (c *Client) Await(ctx context.Context, id core.Hash) (Message, error) {
	query := url.Values{"wait": {StatusConfirmed}, "timeout": {longPoll.String()}}
	rq := call{method: http.MethodGet, path: v1 + "/messages/" + id.String(), query: query, timeout: longPoll + c.timeout}
	var last Message
	for {
		asked := time.Now()
		var m Message
		err := c.fetch(ctx, rq, &m)
		if err == nil {
			last = m
		}
		if last.Status == StatusConfirmed || err != nil && !errors.Is(err, ErrBusy) {
			return last, err
		}
		// A node that is busy, or about to stop, answers before the time.
		if err := sleep(ctx, time.Second-time.Since(asked)); err != nil {
			return last, err
		}
	}
}

// AwaitConfirmations returns a message as soon as it is in a block of the best chain with so many blocks
// on top. If ctx ends first, it returns what it knew last and ctx's error.
func (c *Client) AwaitConfirmations(ctx context.Context, id core.Hash, onTop uint64) (Message, error) {
	var last Message
	for {
		m, err := c.Await(ctx, id) // again each time: a reorg may give the message back
		if m.Status != "" {
			last = m
		}
		if err != nil {
			return last, err
		}
		if m.Confirmations > onTop { // the own block counts there
			return m, nil
		}
		if err := sleep(ctx, pollConfirmations); err != nil {
			return last, err
		}
	}
}

// AwaitAll is AwaitConfirmations for many messages. It asks for one message of each block, and takes those
// that the block has besides for confirmed with it, so the number of requests is that of the blocks. After
// an error it says how many messages are left.
func (c *Client) AwaitAll(ctx context.Context, ids []core.Hash, onTop uint64) (left int, err error) {
	waiting := make(map[core.Hash]struct{}, len(ids))
	for _, id := range ids {
		waiting[id] = struct{}{}
	}
	for _, id := range ids {
		if _, waits := waiting[id]; !waits {
			continue
		}
		m, err := c.AwaitConfirmations(ctx, id, onTop)
		if err != nil {
			return len(waiting), err
		}
		delete(waiting, id)
		if m.Block == nil || len(waiting) == 0 {
			continue
		}
		err = c.strike(ctx, *m.Block, waiting)
		// A reorg took the block, or the node is busy: the next message is asked for by itself.
		if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrBusy) {
			return len(waiting), err
		}
	}
	return 0, nil
}

// strike takes the messages of a block out of those that wait.
func (c *Client) strike(ctx context.Context, block core.Hash, waiting map[core.Hash]struct{}) error {
	for position := 0; ; {
		part, err := c.BlockMessages(ctx, block.String(), position, awaitPage)
		if err != nil {
			return err
		}
		for i := range part.Messages {
			delete(waiting, part.Messages[i].ID)
		}
		position += len(part.Messages)
		if len(part.Messages) == 0 || position >= int(part.MessageCount) || len(waiting) == 0 {
			return nil
		}
	}
}

// sleep waits for a while or until ctx ends, whose error it returns then.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
