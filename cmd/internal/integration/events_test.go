//go:build linux

package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkEvents measures what 1,000 clients that follow all events cost a node, first at 500 messages
// a second and then at as many as it takes. Every client has to see every event in order, or a reset,
// in at most ten writes a second.
func BenchmarkEvents(b *testing.B) { benchmarkEvents(b, 1000) }

// TestEventsToManyClients is a small version of BenchmarkEvents.
func TestEventsToManyClients(t *testing.T) {
	m := newMachine(t, "node", "--genesis", networkFile(t, "bench"), "--no-mdns", "--listen", anyPort)
	m.start()
	crowd := m.crowd(50)
	accepted := m.offer(200, 2*time.Second)
	crowd.hear(accepted)
	sum := crowd.leave()
	if sum.resets > 0 || sum.messages != 50*accepted {
		t.Errorf("%d messages and %d resets to 50 clients, want %d and none", sum.messages, sum.resets, 50*accepted)
	}
	m.stop()
}

func benchmarkEvents(b *testing.B, clients int) {
	const offered, lasts = 500, 6 * time.Second
	for range b.N {
		m := newMachine(b, "node", "--genesis", networkFile(b, "bench"), "--no-mdns", "--listen", anyPort)
		m.start()
		m.offer(offered, time.Second) // warms up
		before := m.processor()
		alone := m.offer(offered, lasts/2)
		quiet := m.processor() - before
		mostAlone := m.flood(64, lasts/2)
		crowd := m.crowd(clients)
		before = m.processor()
		beside := m.offer(offered, lasts)
		busy := m.processor() - before
		crowd.hear(beside)
		sum := crowd.leave()
		if sum.resets > 0 || sum.messages != clients*beside {
			b.Errorf("%d messages and %d resets to %d clients, want %d and none", sum.messages, sum.resets, clients, clients*beside)
		}
		crowd = m.crowd(clients)
		mostBeside := m.flood(64, lasts/2)
		flooded := crowd.leave()
		b.ReportMetric(float64(beside)/float64(2*alone), "accepted-ratio")
		b.ReportMetric(quiet.Seconds()/(lasts/2).Seconds(), "cores-alone")
		b.ReportMetric(busy.Seconds()/lasts.Seconds(), "cores-beside")
		b.ReportMetric(float64(sum.late(0.5).Milliseconds()), "p50-ms")
		b.ReportMetric(float64(sum.late(0.99).Milliseconds()), "p99-ms")
		b.ReportMetric(sum.perSecond, "writes/s/client")
		b.ReportMetric(float64(mostAlone)/(lasts/2).Seconds(), "max-accepts/s")
		b.ReportMetric(float64(mostBeside)/(lasts/2).Seconds(), "max-accepts/s-beside")
		b.ReportMetric(float64(flooded.resets)/float64(clients), "resets/client-then")
		now, peak := m.rss()
		b.ReportMetric(now, "MiB")
		b.ReportMetric(peak, "MiB-peak")
		m.stop()
	}
}

// processor returns how much processor time the node has used, in ticks of 10 ms.
func (m *machine) processor() time.Duration {
	m.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", m.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		m.t.Fatalf("%s: %v, %v", text, err1, err2)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// offer adds messages at a rate, whatever becomes of them, and returns how many were accepted.
func (m *machine) offer(perSecond int, lasts time.Duration) int {
	m.t.Helper()
	const senders = 16
	var accepted atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for i := range senders {
		group.Go(func() {
			for n := i; ; n += senders {
				due := begun.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
				if due.Sub(begun) >= lasts || time.Since(begun) >= lasts {
					return
				}
				time.Sleep(time.Until(due))
				if _, err := m.add(m.unique()); err == nil {
					accepted.Add(1)
				}
			}
		})
	}
	group.Wait()
	return int(accepted.Load())
}

// flood adds messages as fast as the node takes them.
func (m *machine) flood(senders int, lasts time.Duration) int {
	m.t.Helper()
	var accepted atomic.Int64
	var group sync.WaitGroup
	begun := time.Now()
	for range senders {
		group.Go(func() {
			for time.Since(begun) < lasts {
				if _, err := m.add(m.unique()); err == nil {
					accepted.Add(1)
				}
			}
		})
	}
	group.Wait()
	return int(accepted.Load())
}

// unique returns a text of 100 bytes or so.
func (m *machine) unique() string {
	return fmt.Sprintf("%s %d %s", m.name, time.Now().UnixNano(), strings.Repeat("x", 75))
}

// A crowd is clients that follow all events of a node.
type crowd struct {
	t       testing.TB
	clients []*rawClient
	group   sync.WaitGroup
	begun   time.Time
}

// crowd connects clients, each of which has its hello when this returns.
func (m *machine) crowd(size int) *crowd {
	m.t.Helper()
	c := &crowd{t: m.t, begun: time.Now()}
	for range size {
		conn, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
		if err != nil {
			m.t.Fatal(err)
		}
		m.t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			m.t.Fatal(err)
		}
		in := bufio.NewReaderSize(conn, 64<<10)
		answer, err := http.ReadResponse(in, nil)
		if err != nil || answer.StatusCode != http.StatusOK {
			m.t.Fatalf("client %d: %v, %v", len(c.clients), answer, err)
		}
		r := &rawClient{conn: conn, in: in}
		if err := r.chunk(); err != nil {
			m.t.Fatal(err)
		}
		c.clients = append(c.clients, r)
	}
	for _, r := range c.clients {
		c.group.Go(r.run)
	}
	return c
}

// hear waits until every client has heard of so many messages.
func (c *crowd) hear(messages int) {
	c.t.Helper()
	eventually(c.t, "all clients have heard of all messages", func() error {
		for i, r := range c.clients {
			if got := int(r.messages.Load()); got < messages && r.resets.Load() == 0 {
				return fmt.Errorf("client %d has %d of %d", i, got, messages)
			}
		}
		return nil
	})
}

// What a crowd heard.
type heard struct {
	messages, resets int
	perSecond        float64         // writes to a client
	lates            []time.Duration // of the oldest message of each write, ascending
}

// late returns how late so large a part of the events was at most.
func (h *heard) late(part float64) time.Duration {
	if len(h.lates) == 0 {
		return 0
	}
	return h.lates[int(part*float64(len(h.lates)-1))]
}

// leave ends the connections and returns what was heard.
func (c *crowd) leave() heard {
	c.t.Helper()
	lasted := time.Since(c.begun).Seconds()
	for _, r := range c.clients {
		r.left.Store(true)
		r.conn.Close()
	}
	c.group.Wait()
	var sum heard
	writes := 0
	for i, r := range c.clients {
		if r.failed != nil {
			c.t.Fatalf("client %d: %v", i, r.failed)
		}
		sum.messages += int(r.messages.Load())
		sum.resets += int(r.resets.Load())
		writes += r.chunks
		sum.lates = append(sum.lates, r.lates...)
	}
	slices.Sort(sum.lates)
	if sum.perSecond = float64(writes) / float64(len(c.clients)) / lasted; sum.perSecond > 10 {
		c.t.Errorf("%.1f writes a second to each client, want at most 10", sum.perSecond)
	}
	return sum
}

// A rawClient reads events without a client library. One write of the node is one HTTP chunk.
type rawClient struct {
	conn net.Conn
	in   *bufio.Reader
	buf  []byte

	number   uint64 // of the last event
	messages atomic.Int64
	resets   atomic.Int64
	chunks   int
	lates    []time.Duration
	left     atomic.Bool
	failed   error
}

func (r *rawClient) run() {
	for {
		if err := r.chunk(); err != nil {
			if !r.left.Load() {
				r.failed = err
			}
			return
		}
	}
}

// chunk reads one chunk.
func (r *rawClient) chunk() error {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	size, err := strconv.ParseUint(strings.TrimSpace(string(line)), 16, 31)
	if err != nil || size == 0 {
		return fmt.Errorf("chunk of %q, %v", line, err)
	}
	if uint64(cap(r.buf)) < size+2 {
		r.buf = make([]byte, size+2)
	}
	if _, err := io.ReadFull(r.in, r.buf[:size+2]); err != nil {
		return err
	}
	r.chunks++
	return r.events(r.buf[:size])
}

// events looks at the events of a chunk.
func (r *rawClient) events(text []byte) error {
	timed := false
	for len(text) > 0 {
		end := bytes.Index(text, []byte("\n\n"))
		if end < 0 {
			return errors.New("an event goes on in the next write")
		}
		e := text[:end]
		text = text[end+2:]
		kind, err := r.event(e)
		if err != nil {
			return err
		}
		if kind == 'm' && !timed {
			timed = true
			if err := r.time(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// event holds the id of an event to that of the one before, and returns the first letter of its type.
func (r *rawClient) event(e []byte) (byte, error) {
	_, e, _ = bytes.Cut(e, []byte("id: "))
	dash := bytes.IndexByte(e, '-')
	line := bytes.IndexByte(e, '\n')
	if dash < 0 || line < dash {
		return 0, nil // a heartbeat
	}
	var number uint64
	for _, digit := range e[dash+1 : line] {
		number = 10*number + uint64(digit-'0')
	}
	kind, found := bytes.CutPrefix(e[line+1:], []byte("event: "))
	switch {
	case !found:
		return 0, fmt.Errorf("no event: %.80s", e)
	case bytes.HasPrefix(kind, []byte("hello\n")):
	case bytes.HasPrefix(kind, []byte("reset\n")):
		r.resets.Add(1)
	case number != r.number+1:
		return 0, fmt.Errorf("event %d after %d", number, r.number)
	case bytes.HasPrefix(kind, []byte("message\n")):
		r.messages.Add(1)
	}
	r.number = number
	if bytes.HasPrefix(kind, []byte("message\n")) {
		return 'm', nil
	}
	return 0, nil
}

// time notes how late a message is.
func (r *rawClient) time(e []byte) error {
	_, rest, _ := bytes.Cut(e, []byte(`"accepted":"`))
	text, _, found := bytes.Cut(rest, []byte(`"`))
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil || !found {
		return fmt.Errorf("%s: %w", e, err)
	}
	r.lates = append(r.lates, time.Since(at))
	return nil
}
