package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"p2pchain/api"
)

// What events carry; the fields are described in package api.
type (
	ConfirmedEvent = api.ConfirmedEvent
	Hello          = api.Hello
	MessageEvent   = api.MessageEvent
	PeerEvent      = api.PeerEvent
	ReorgEvent     = api.ReorgEvent
	Reset          = api.Reset
)

// The types of events, and what their Data is. A Hello comes first on every connection, so again after
// each break; a Reset wherever events are missing.
const (
	EventHello     = api.EventHello     // Hello
	EventMessage   = api.EventMessage   // MessageEvent
	EventConfirmed = api.EventConfirmed // ConfirmedEvent
	EventBlock     = api.EventBlock     // Block
	EventReorg     = api.EventReorg     // ReorgEvent
	EventPeer      = api.EventPeer      // PeerEvent
	EventSync      = api.EventSync      // Sync
	EventMining    = api.EventMining    // Mining
	EventErased    = api.EventErased    // ErasedEvent
	EventReset     = api.EventReset     // Reset
)

// An Event is something that happened on a node.
type Event struct {
	ID   string // to go on after
	Type string
	Data json.RawMessage
}

// EventOptions say which events a client wants and what happens when the connection breaks. The zero
// value is all events from now on.
type EventOptions struct {
	Types []string // none: all
	Since string   // the id of the last event that is known, empty for none

	// Broken, if set, is told why a connection ended and for how long nothing is tried.
	Broken func(cause error, wait time.Duration)
	// Redial, if set, returns the client for the next connection: a node may have another address when
	// it was started again. An error counts as another break.
	Redial func(context.Context) (*Client, error)
}

const (
	leastBackoff = 250 * time.Millisecond
	mostBackoff  = 10 * time.Second
	// quietest is for how long a connection may be silent: heartbeats come more often.
	quietest = 40 * time.Second
	// maxEvent bounds one line of an event stream.
	maxEvent = 4 << 20
)

// errEnded means that a node ended the stream, as it does when it stops.
var errEnded = errors.New("the node ended the stream of events")

// Events calls f with each event on the node, in order, until ctx ends or f returns an error, and
// returns that. It goes on after the last event when a connection breaks, for as long as it takes; if
// the node has forgotten what came next, f gets a Reset. Only where the first connection cannot be made,
// or the node refuses, Events ends by itself.
func (c *Client) Events(ctx context.Context, o EventOptions, f func(Event) error) error {
	s := &subscription{client: c, options: o, last: o.Since, handle: f}
	for {
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !s.goesOn(err) {
			return err
		}
		wait := s.backoff(err)
		if o.Broken != nil {
			o.Broken(err, wait)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// A subscription follows the events of a node over connections that break.
type subscription struct {
	client  *Client
	options EventOptions
	last    string // id of the last event
	handle  func(Event) error
	handled error // what handle returned
	greeted bool  // some connection was made
	fails   int   // connections in a row that did not get as far as an event
}

// connect makes one connection and hands on its events until it breaks.
func (s *subscription) connect(ctx context.Context) error {
	if s.greeted && s.options.Redial != nil {
		next, err := s.options.Redial(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if next != s.client {
			s.client.Close()
		}
		s.client = next
	}
	query := url.Values{}
	if len(s.options.Types) > 0 {
		query.Set("types", strings.Join(s.options.Types, ","))
	}
	if s.last != "" {
		query.Set("since", s.last)
	}
	body, err := s.client.send(ctx, call{
		method: http.MethodGet, path: v1 + "/events", query: query, accept: "text/event-stream",
		timeout: max(s.client.timeout, quietest),
	})
	if err != nil {
		return err
	}
	defer body.Close()
	return s.read(body)
}

// read hands on the events of one connection.
func (s *subscription) read(body io.Reader) error {
	events := newEventReader(body)
	for first := true; ; first = false {
		e, err := events.next()
		if events.last != "" {
			s.last = events.last
		}
		if err == io.EOF {
			return errEnded
		}
		if err != nil {
			return err
		}
		if first && e.Type != EventHello {
			return fmt.Errorf("%w: GET %s/events is not answered as by a node", ErrRefused, v1)
		}
		s.greeted, s.fails = true, 0
		if s.handled = s.handle(e); s.handled != nil {
			return s.handled
		}
	}
}

// goesOn reports whether there is a point in another connection.
func (s *subscription) goesOn(err error) bool {
	switch {
	case s.handled != nil, !s.greeted:
		return false
	}
	return !errors.Is(err, ErrRefused) && !errors.Is(err, ErrUnauthorized) && !errors.Is(err, ErrNotFound)
}

// backoff returns how long to wait before the next connection: twice as long after each one that did
// not work, and never the same for all clients of a node that comes back.
func (s *subscription) backoff(err error) time.Duration {
	wait := min(leastBackoff<<min(s.fails, 10), mostBackoff)
	s.fails++
	if answer, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, answer.RetryAfter)
	}
	return wait/2 + rand.N(wait)
}

// An eventReader reads Server-Sent Events as the HTML standard has them.
type eventReader struct {
	lines *bufio.Scanner
	last  string // id of the last event
}

func newEventReader(r io.Reader) *eventReader {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	lines.Split(scanEventLine)
	return &eventReader{lines: lines}
}

// next returns the next event with data; io.EOF at the end, which drops an event that is not complete.
func (r *eventReader) next() (Event, error) {
	e := Event{ID: r.last}
	var data []byte
	some := false
	for r.lines.Scan() {
		line := r.lines.Bytes()
		if len(line) == 0 {
			r.last = e.ID
			if some {
				e.Data = data
				return e, nil
			}
			e.Type = ""
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "id":
			e.ID = string(value)
		case "event":
			e.Type = string(value)
		case "data":
			if some {
				data = append(data, '\n')
			}
			data, some = append(data, value...), true
		}
	}
	err := r.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("%w: an event of more than %d MiB", ErrRefused, maxEvent>>20)
	}
	if err == nil {
		err = io.EOF
	}
	return Event{}, err
}

// scanEventLine is bufio.ScanLines, but drops the last line where its end is missing.
func scanEventLine(data []byte, atEOF bool) (int, []byte, error) {
	if !bytes.Contains(data, []byte("\n")) {
		return 0, nil, nil
	}
	return bufio.ScanLines(data, atEOF)
}
