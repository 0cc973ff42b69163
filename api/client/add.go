package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"p2pchain/core"
)

// An AddOption says more about a request that adds messages.
type AddOption func(*call)

// WithKey gives a request a name of 1 to 255 visible ASCII characters. Sent again within 24 hours, the
// same request under the same key adds nothing, and gets the same answer: so one that got no answer can
// be repeated without doubt. Another request under the key is ErrRefused; one that comes while the first
// is on its way is ErrBusy.
func WithKey(key string) AddOption { return func(rq *call) { rq.key = key } }

// WithConfirmation makes the node answer once the message is in a block of the best chain, or when the
// time is over, at most five minutes: Status says which. Batches do not wait.
func WithConfirmation(atMost time.Duration) AddOption {
	return func(rq *call) {
		rq.query = url.Values{"wait": {StatusConfirmed}, "timeout": {atMost.String()}}
		rq.timeout = atMost
	}
}

// AddSigned adds a message that its author has signed.
func (c *Client) AddSigned(ctx context.Context, m *core.Message, options ...AddOption) (Receipt, error) {
	return c.add(ctx, call{mediaType: "application/vnd.p2pchain.message", body: m.Bytes()}, options)
}

// add sends what adds one message.
func (c *Client) add(ctx context.Context, rq call, options []AddOption) (Receipt, error) {
	var receipt Receipt
	err := c.fetch(ctx, c.adding(rq, options), &receipt)
	return receipt, err
}

// adding completes a request that adds messages.
func (c *Client) adding(rq call, options []AddOption) call {
	rq.method, rq.path = http.MethodPost, v1+"/messages"
	for _, o := range options {
		o(&rq)
	}
	if rq.timeout > 0 {
		rq.timeout += c.timeout // what it takes besides waiting
	}
	return rq
}

// Batch adds a message for each line of NDJSON: a string, or an object as in the body of a request with
// one message. The results are in the order of the lines, and an error of the node's own, which ended the
// batch, is the last of them: LineStopped. Use AddAll for more than fits one batch.
func (c *Client) Batch(ctx context.Context, lines []byte, options ...AddOption) ([]LineResult, error) {
	body, err := c.send(ctx, c.adding(call{mediaType: "application/x-ndjson", body: lines}, options))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	results := make([]LineResult, 0, bytes.Count(lines, []byte("\n"))+1)
	for {
		var r LineResult
		if err := dec.Decode(&r); errors.Is(err, io.EOF) {
			return results, nil
		} else if err != nil {
			return results, whole(err)
		}
		results = append(results, r)
	}
}
