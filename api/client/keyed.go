package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// AddKeyed adds payloads as messages, in order, in one request with an idempotency key: however often it
// is made with the same key and payloads within a day, the node takes them once. There is one result for
// each payload; its Line is the payload's number from 1. A payload was accepted, known already, or
// refused for a reason of its own.
//
// It waits while the node is at a limit or still works on an earlier request of this key. After an error
// the payloads may be on the node or not, and the same call again brings it to an end.
func (c *Client) AddKeyed(ctx context.Context, key string, payloads [][]byte) ([]LineResult, error) {
	g := &group{}
	for i, payload := range payloads {
		if err := g.add(i+1, payload); err != nil {
			return nil, err
		}
	}
	for {
		results := make([]LineResult, 0, len(payloads))
		f := feeder{client: c, key: key, each: func(r LineResult) error {
			results = append(results, r)
			return nil
		}}
		left, err := f.post(ctx, g)
		if err == nil && len(left) == 0 {
			return results, nil
		}
		wait, again := patience(err)
		if !again {
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, fmt.Errorf("waiting for the node: %w", err)
		}
	}
}

// patience says how long to wait for a node that is at a limit, and whether that is what the error means.
func patience(err error) (time.Duration, bool) {
	answer, ok := errors.AsType[*Error](err)
	if !ok {
		return 0, false
	}
	switch answer.Status {
	case http.StatusConflict, http.StatusTooManyRequests:
	case http.StatusServiceUnavailable:
		if answer.Code == "stopping" {
			return 0, false
		}
	default:
		return 0, false
	}
	return max(retryAfter, answer.RetryAfter), true
}
