package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// eventPace is the least time between two writes to a client: what happens meanwhile goes into the
	// next one. A random part of eventSpread comes on top, so that a thousand clients do not all want
	// to be served in the same moment.
	eventPace   = 100 * time.Millisecond
	eventSpread = 50 * time.Millisecond
	// heartbeat is how long a client hears nothing. It then gets a comment, or an empty line, so that
	// proxies keep the connection and either end notices when the other one is gone.
	heartbeat = 15 * time.Second
	// eventRetry is when a browser connects again.
	eventRetry = 2 * time.Second
	// chosenBytes is the most that is written at once to a client that gets a copy of its own.
	chosenBytes = 256 << 10
)

// An eventClient is somebody who follows the events.
type eventClient struct {
	server *Server
	log    *eventLog
	out    *patientWriter
	flush  func() error
	lines  bool // NDJSON instead of Server-Sent Events
	kinds  kindSet
	next   uint64 // number of the event to go on with
	lease  *lease // what it listens by
	check  <-chan time.Time
}

func (c *eventClient) setHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	if c.lines {
		h.Set("Content-Type", "application/x-ndjson")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect events for later
	h.Add("Vary", "Accept")
}

// run writes until the client is gone or may not listen any more, which is an error, or the server stops.
func (c *eventClient) run(ctx context.Context, since string) error {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	var uncheck func()
	c.check, uncheck = c.lease.checks()
	defer uncheck()
	p := c.greet(since)
	for {
		if len(p.bytes) == 0 {
			timer.Reset(heartbeat)
			quiet, ended := c.await(ctx, timer, p.grown)
			if ended {
				return nil
			}
			if p = c.pull(); len(p.bytes) > 0 || !quiet {
				continue
			}
			p.bytes = c.beat()
		}
		err := c.write(p)
		if err != nil {
			return err
		}
		timer.Reset(eventPace + rand.N(eventSpread))
		if _, ended := c.await(ctx, timer, nil); ended {
			return nil
		}
		p = c.pull()
	}
}

// await waits until the time is over, there is more, or the request is to end, also since its lease has lapsed.
func (c *eventClient) await(ctx context.Context, timer *time.Timer, grown <-chan struct{}) (over, ended bool) {
	for {
		select {
		case <-timer.C:
			return true, false
		case <-grown:
			return false, false
		case <-c.check:
			if c.lease.ask() != nil {
				return false, true
			}
		case <-ctx.Done():
			return false, true
		case <-stopping(ctx):
			return false, true
		}
	}
}

// write sends a piece at once, and goes on behind it.
func (c *eventClient) write(p piece) error {
	_, err := c.out.Write(p.bytes)
	c.server.hub.recycle(p.copied)
	if err == nil {
		if err = c.flush(); err != nil {
			err = errors.Join(errGone, err)
		}
	}
	c.next = p.next
	return err
}

// greet returns what every answer begins with, and finds out where to go on.
func (c *eventClient) greet(since string) piece {
	reason := ""
	if c.next = c.log.end(); since != "" {
		c.next, reason = c.log.after(since)
	}
	b := c.special(nil, kindHello, c.hello())
	if reason != "" {
		b = c.special(b, kindReset, Reset{reason, since})
	}
	if !c.lines {
		b = append([]byte("retry: "+strconv.FormatInt(eventRetry.Milliseconds(), 10)+"\n"), b...)
	}
	return piece{bytes: b, next: c.next}
}

// hello describes the node. It looks after the place to go on was found, so that nothing can happen
// that is in neither.
func (c *eventClient) hello() Hello {
	n := c.server.node()
	return Hello{
		Oldest: c.log.oldest(), HeartbeatSeconds: int(heartbeat.Seconds()), Time: c.server.hub.now(),
		PeerID: n.PeerID, Version: n.Version, Network: n.Network.Name, NetworkID: n.Network.ID, Genesis: n.Network.Genesis,
		Tip: n.Tip, Mempool: n.Mempool, Sync: n.Sync, Mining: n.Mining, Peers: n.Peers,
	}
}

// special appends an event that is for this client alone. Its id is that of the event before the next
// one, so that a client which heard nothing else can connect again without a gap.
func (c *eventClient) special(b []byte, kind eventKind, v any) []byte {
	data, err := encode(v)
	if err != nil {
		panic("api: encoding an event: " + err.Error()) // our own types
	}
	data = data[:len(data)-1]
	if c.lines {
		return appendNDJSON(b, c.log.run, c.next-1, kind, data)
	}
	return append(append(appendSSEHead(b, c.log.run, c.next-1, kind), data...), "\n\n"...)
}

// beat returns a sign of life. A client that hears only some kinds of events learns with it how far
// the others are, or its next connection might ask for what was forgotten long ago.
func (c *eventClient) beat() []byte {
	if c.lines {
		return []byte("\n")
	}
	return []byte(":\nid: " + c.log.id(c.next-1) + "\n\n")
}

// pull returns what is new for the client, and moves it past the events that it does not want.
func (c *eventClient) pull() piece {
	var p piece
	if c.kinds == allKinds && !c.lines {
		p = c.log.read(c.next)
	} else {
		buf := c.server.hub.buffer()
		p = c.log.choose(c.next, c.kinds, c.lines, (*buf)[:0], chosenBytes)
		*buf = p.bytes
		if p.copied = buf; len(p.bytes) == 0 {
			c.server.hub.recycle(buf)
			p.copied = nil
		}
	}
	if p.gone {
		// The node does not wait for a slow client, and remembers no more than it says.
		since := c.log.id(c.next - 1)
		c.next = c.log.end()
		return piece{bytes: c.special(nil, kindReset, Reset{ResetTooSlow, since}), next: c.next}
	}
	if len(p.bytes) == 0 {
		c.next = p.next
	}
	return p
}
