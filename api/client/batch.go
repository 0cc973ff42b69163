package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"p2pchain/api"
	"p2pchain/core"
)

// retryAfter is how long AddAll waits for a node that is at a limit, if that does not ask for more.
const retryAfter = time.Second

// A BatchError says how far AddAll came. Lines are counted from 1, empty ones too.
type BatchError struct {
	Done    int // every line up to this one has a result or is empty
	InDoubt int // of so many lines after it messages were sent but lack results; each may be stored or not
	Err     error
}

// Error says how far it came, and why no further.
func (e *BatchError) Error() string {
	if e.InDoubt == 0 {
		return fmt.Sprintf("after line %d: %v", e.Done, e.Err)
	}
	return fmt.Sprintf("after line %d, with %d to %d in doubt: %v", e.Done, e.Done+1, e.Done+e.InDoubt, e.Err)
}

// Unwrap returns the reason.
func (e *BatchError) Unwrap() error { return e.Err }

// AddAll adds every payload that is not empty as a message, in order, in batches: whatever has come
// in while the node works on one batch is the next. It waits while the node is at a limit, and lets
// payloads wait meanwhile; at most two batches of about 1 MiB are in memory.
//
// The result of each message is handed to each, from another goroutine, one at a time. Its Line counts
// payloads from 1, empty ones too: it is the number of the line in what Lines reads. A message was
// accepted, known already, or refused for a reason of its own. An error of each, of payloads or of
// the node ends AddAll with a *BatchError. It returns only after payloads has given its next one or
// ended.
func (c *Client) AddAll(ctx context.Context, payloads iter.Seq2[[]byte, error], each func(LineResult) error) error {
	in, feed := newInbox(), &feeder{client: c, each: each}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return feed.run(ctx, in) })
	readErr := collect(ctx, payloads, in)
	in.close()
	err := g.Wait()
	if err == nil {
		err = readErr
	}
	if err != nil {
		return &BatchError{Done: feed.done, InDoubt: feed.doubt, Err: err}
	}
	return nil
}

// collect puts every payload that is not empty into the inbox.
func collect(ctx context.Context, payloads iter.Seq2[[]byte, error], in *inbox) error {
	number := 0
	for payload, err := range payloads {
		if err != nil {
			return err
		}
		number++
		if len(payload) == 0 {
			continue
		}
		if err := in.put(ctx, number, payload); err != nil {
			return err
		}
	}
	return nil
}

// A feeder sends groups one after the other.
type feeder struct {
	client *Client
	key    string // of the request, empty: none
	each   func(LineResult) error
	done   int // every line up to this one has a result or is empty
	doubt  int // messages of so many lines after it were sent and lack one
}

func (f *feeder) run(ctx context.Context, in *inbox) error {
	for {
		g, err := in.take(ctx)
		if g == nil || err != nil {
			return err
		}
		if err := f.deliver(ctx, g); err != nil {
			return err
		}
	}
}

// deliver sends a group until each of its messages has a result that is final.
func (f *feeder) deliver(ctx context.Context, g *group) error {
	last := g.line[g.size()-1]
	for {
		f.doubt = last - f.done
		left, err := f.post(ctx, g)
		stop, isAnswer := errors.AsType[*Error](err)
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
			f.doubt = 0 // nothing was sent
		}
		if err != nil && !isAnswer {
			return err
		}
		if len(left) == 0 {
			f.done, f.doubt = last, 0
			return nil
		}
		g = g.only(left)
		f.done, f.doubt = g.line[0]-1, 0
		wait := retryAfter
		if isAnswer {
			if stop.Status != http.StatusServiceUnavailable && stop.Status != http.StatusTooManyRequests {
				return err
			}
			wait = max(wait, stop.RetryAfter)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// post sends a group once and returns which of its lines were not stored for a reason that is not
// their own. That reason is the *Error that it returns with them.
func (f *feeder) post(ctx context.Context, g *group) ([]int, error) {
	body, err := f.client.send(ctx, call{
		method: http.MethodPost, path: v1 + "/messages", mediaType: "application/x-ndjson", key: f.key, body: g.body.Bytes(),
	})
	if err != nil {
		return from(nil, 0, g.size()), err
	}
	defer body.Close()
	dec := json.NewDecoder(body)
	var left []int
	var stopped *Error
	for seen := 0; ; seen++ {
		var result LineResult
		err := dec.Decode(&result)
		switch {
		case err == io.EOF && stopped != nil:
			return from(left, seen, g.size()), stopped
		case err == io.EOF && seen == g.size():
			return nil, nil
		case err != nil:
			return nil, whole(err)
		case result.Status == api.LineStopped:
			stopped = &Error{Problem: api.Problem{Status: result.HTTPStatus, Code: result.Code, Detail: result.Detail}}
			if seen < g.size() {
				left = append(left, seen)
			}
			continue
		case seen >= g.size() || result.Line != seen+1:
			return nil, fmt.Errorf("the answer is not that of a node: a result for line %d of %d, want %d", result.Line, g.size(), seen+1)
		}
		result.Line = g.line[seen]
		if err := f.each(result); err != nil {
			return nil, err
		}
		if len(left) == 0 {
			f.advance(g, seen)
		}
	}
}

// advance counts a message that has its result, as all before it have.
func (f *feeder) advance(g *group, seen int) {
	upTo := g.line[seen]
	f.done, f.doubt = upTo, f.doubt-(upTo-f.done)
}

// from appends the numbers from i to n - 1.
func from(list []int, i, n int) []int {
	for ; i < n; i++ {
		list = append(list, i)
	}
	return list
}

// Lines yields the lines of r without the line feeds that end them, each valid until the next one.
// Every other byte is kept, carriage returns too. Empty lines are yielded for AddAll to count. Of a
// line that no network would take it yields one byte more than the largest payload, so that the
// node refuses it like any other that is too long.
func Lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, core.MaxPayload+2)
		for {
			line, err := in.ReadSlice('\n')
			if err == bufio.ErrBufferFull {
				line = bytes.Clone(line[:core.MaxPayload+1])
				for err == bufio.ErrBufferFull {
					_, err = in.ReadSlice('\n')
				}
			}
			line = bytes.TrimSuffix(line, []byte("\n"))
			isLine := err == nil || len(line) > 0 // what follows the last line feed is none if it is empty
			if isLine && !yield(line, nil) {
				return
			}
			if err != nil {
				if err != io.EOF {
					yield(nil, err)
				}
				return
			}
		}
	}
}
