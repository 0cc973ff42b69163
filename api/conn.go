package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// What a connection does.
const (
	connWaits  = iota // for a request, or for the rest of its header
	connServes        // has one that is being answered
	connCut           // was closed, to make room
)

// A conn is the connection of a client. It knows for how long the client holds up what we do for it.
type conn struct {
	net.Conn
	table  *connTable
	client client

	state  atomic.Int32
	since  atomic.Int64 // on the table's clock: since when it waits
	served atomic.Bool  // whether it ever had a whole request
	header atomic.Int64 // what is kept of a header that is not whole, in bytes of memory

	in, out flow // the body that the client sends, the answer that it reads
	evicted atomic.Bool
	closed  sync.Once
}

// connKey is where a request's context has its connection.
type connKey struct{}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request, nil where there is none of ours.
func connOf(ctx context.Context) *conn {
	c, _ := ctx.Value(connKey{}).(*conn)
	return c
}

// What a header takes in memory while it is read, by what came of it: its text, in buffers that double
// when they are full, and an entry of a map for each line.
const (
	headerByte = 3
	headerLine = 128
)

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.state.Load() == connWaits {
		size := int64(headerByte*n + headerLine*bytes.Count(b[:n], []byte("\n")))
		c.header.Add(size)
		c.table.keep(size)
		if c.state.Load() != connWaits {
			c.forget() // it was cut meanwhile
		}
	}
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.out.begin(c.table.now())
	n, err := c.Conn.Write(b)
	c.out.end(c.table.now(), n)
	return n, err
}

// CloseWrite lets the client read an answer to a request that it has not sent in full.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closed.Do(func() { c.table.remove(c) })
	return err
}

// begin says that a whole header has come; false where the connection was cut meanwhile.
func (c *conn) begin() bool {
	if !c.state.CompareAndSwap(connWaits, connServes) {
		return false
	}
	c.served.Store(true)
	c.evicted.Store(false)
	c.table.waiting.Add(-1)
	c.forget()
	return true
}

// end says that the request was answered.
func (c *conn) end() {
	c.in.reset()
	c.out.reset()
	c.since.Store(c.table.now())
	if c.state.CompareAndSwap(connServes, connWaits) {
		c.table.waiting.Add(1)
	}
}

// forget no longer counts the header that came.
func (c *conn) forget() { c.table.headers.Add(-c.header.Swap(0)) }

// owes returns for how long the client holds up its request, if it does at this moment.
func (c *conn) owes(now int64) time.Duration {
	return time.Duration(max(c.in.owed(now), c.out.owed(now)))
}

// evict ends a request that its client holds up. One whose body does not come is answered.
func (c *conn) evict() {
	if !c.evicted.CompareAndSwap(false, true) {
		return
	}
	if c.in.since.Load() != 0 && c.Conn.SetReadDeadline(time.Unix(1, 0)) == nil {
		return
	}
	c.Close()
}

// minRate is how many bytes a second a client has to send or take so as not to fall behind.
const minRate = 16 << 10

// A flow counts how far a client is behind in one direction: the time that we have waited for it, less
// what its bytes were worth at minRate. Whoever drips a byte now and then falls behind, too.
type flow struct {
	since atomic.Int64 // when the wait began that goes on; 0: none does
	debt  atomic.Int64 // nanoseconds, from earlier waits
}

func (f *flow) begin(now int64) { f.since.Store(now) }

func (f *flow) end(now int64, n int) {
	waited := now - f.since.Swap(0)
	f.debt.Store(max(0, f.debt.Load()+waited-int64(n)*int64(time.Second)/minRate))
}

func (f *flow) reset() { f.debt.Store(0) }

// owed returns how far behind the client is, 0 while nobody waits for it.
func (f *flow) owed(now int64) int64 {
	since := f.since.Load()
	if since == 0 {
		return 0
	}
	return f.debt.Load() + now - since
}
