package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"p2pchain/api"
	"p2pchain/core"
	"p2pchain/core/coretest"
)

// of returns what is told of a block.
func of(b *core.Block) []string {
	out := []string{"block " + b.Header.Hash().String()}
	for _, m := range b.Messages {
		out = append(out, "confirmed "+m.ID.String())
	}
	return out
}

func TestEventsTellAMessageFromItsAcceptanceToItsBlock(t *testing.T) {
	r := newRealNode(t).serve()
	old := r.message("before")
	r.add(old)
	l := r.listen("")
	l.want("hello")
	m := r.message("one")
	r.add(m)
	l.want("message one")
	b := r.forks.Next("genesis", "a1", old, m)
	r.connect(b)
	l.want(of(b)...)
	// A block brings messages that nobody had: they are told before it.
	unheard := r.message("unheard")
	b = r.forks.Next("a1", "a2", unheard)
	r.connect(b)
	l.want("message unheard")
	l.want(of(b)...)
}

// TestEventsOfAReorg: first what was reverted, then what waits again, then the new branch.
func TestEventsOfAReorg(t *testing.T) {
	r := newRealNode(t).serve()
	l := r.listen("")
	l.want("hello")
	lost, both, late := r.message("lost"), r.message("both"), r.message("late")
	r.add(lost, both)
	l.want("message lost", "message both")
	a1, a2 := r.forks.Next("genesis", "a1", lost), r.forks.Next("a1", "a2", both)
	r.connect(a1, a2)
	l.want(append(of(a1), of(a2)...)...)
	b1, b2, b3 := r.forks.Next("genesis", "b1"), r.forks.Next("b1", "b2", both, late), r.forks.Next("b2", "b3")
	r.connect(b1, b2, b3)
	l.want("reorg of 2", "again lost")
	l.want(of(b1)...)
	l.want("message late")
	l.want(append(of(b2), of(b3)...)...)
}

// TestEventsAreReplayed: who comes back with the id of the last event misses nothing, although nobody
// listened meanwhile.
func TestEventsAreReplayed(t *testing.T) {
	r := newRealNode(t).serve()
	l := r.listen("")
	l.want("hello")
	r.add(r.message("one"), r.message("two"), r.message("three"))
	l.want("message one")
	one := l.last
	l.want("message two", "message three")
	three := l.last
	l.conn.Close()

	waits, sealed := r.message("waits"), r.message("sealed")
	r.add(waits, sealed)
	b := r.forks.Next("genesis", "a1", sealed)
	r.connect(b)
	for _, tt := range []struct {
		name    string
		query   string
		headers []string
		first   []string
	}{
		{"header", "", []string{"Last-Event-ID", three}, nil},
		{"parameter", "?since=" + one, nil, []string{"message two", "message three"}},
		{"header before parameter", "?since=" + one, []string{"Last-Event-ID", three}, nil},
		{"lines", "?since=" + one, []string{"Accept", "application/x-ndjson"}, []string{"message two", "message three"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := r.listen(tt.query, tt.headers...)
			l.t = t
			l.want("hello")
			l.want(tt.first...)
			l.want("message waits", "message sealed")
			l.want(of(b)...)
			l.conn.Close()
		})
	}
}

func TestEventsReset(t *testing.T) {
	r := newRealNode(t).serve()
	l := r.listen("")
	hello, err := l.next()
	if err != nil {
		t.Fatal(err)
	}
	run, _, _ := strings.Cut(hello.id, "-")
	for _, tt := range []struct{ name, id, want string }{
		{"of another run", "00000000-3", "reset restarted"},
		{"not sent yet", run + "-999", "reset unknown"},
		{"forgotten", run + "-0", "reset forgotten"},
		{"no id", "who knows", "reset unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := r.listen("", "Last-Event-ID", tt.id)
			l.t = t
			l.want("hello", tt.want)
			if l.last != hello.id {
				t.Errorf("goes on after %s, want %s", l.last, hello.id)
			}
			l.conn.Close()
		})
	}
}

func TestEventsOfSomeTypes(t *testing.T) {
	r := newRealNode(t).serve()
	sse := r.listen("?types=confirmed,block")
	lines := r.listen("?types=message", "Accept", "application/x-ndjson")
	sse.want("hello")
	lines.want("hello")
	m := r.message("one")
	r.add(m)
	lines.want("message one")
	b := r.forks.Next("genesis", "a1", m)
	r.connect(b)
	sse.want(of(b)...)
	r.add(r.message("two"))
	lines.want("message two")
}

// TestEventsShowMessages holds what an event says of a message to what the list of waiting ones says.
func TestEventsShowMessages(t *testing.T) {
	r := newRealNode(t).serve()
	l := r.listen("?types=message")
	l.want("hello")
	n := r.deps.Network
	short := coretest.MessageWith(t, n, coretest.Key(1), "\xff\xfe<b>\n", func(m *core.Message) { m.MediaType = "application/octet-stream" })
	long := r.message(strings.Repeat("x", 1025))
	r.add(short, long)
	for _, m := range []*core.Message{short, long} {
		e, err := l.next()
		if err != nil {
			t.Fatal(err)
		}
		var got api.MessageEvent
		if err := json.Unmarshal(e.data, &got); err != nil {
			t.Fatal(err)
		}
		cut := m == long
		if got.ID != m.ID || got.Size != int(m.PayloadSize) || got.MediaType != m.Type() || got.Author != m.Author ||
			!got.Local || got.Accepted == 0 || got.Truncated != cut {
			t.Errorf("message event %s", e.data)
		}
		if want := m.Body.Payload; !cut && !bytes.Equal(got.Base64, want) || got.Message != nil || cut && got.Base64 != nil {
			t.Errorf("payload of %s", e.data)
		}
	}
}

func TestEventsRefuse(t *testing.T) {
	r := newRealNode(t, func(c *api.Config, _ *api.Deps) { c.MaxEventClients, c.MaxReads = 2, 1 }).serve()
	status := func(query string) (int, string, string) {
		l := r.listen(query)
		defer l.conn.Close()
		body, _ := io.ReadAll(l.in)
		var p api.Problem
		_ = json.Unmarshal(body, &p)
		return l.answer.StatusCode, p.Code, l.answer.Header.Get("Retry-After")
	}
	for _, tt := range []struct{ query, code string }{
		{"?types=message,nonsense", "bad_parameter"},
		{"?since=nonsense", "bad_parameter"},
		{"?since=-3", "bad_parameter"},
	} {
		if got, code, _ := status(tt.query); got != http.StatusBadRequest || code != tt.code {
			t.Errorf("%s: %d %s", tt.query, got, code)
		}
	}
	a, b := r.listen(""), r.listen("")
	a.want("hello")
	b.want("hello")
	if got, code, retry := status(""); got != http.StatusServiceUnavailable || code != "too_many_event_clients" || retry != "5" {
		t.Errorf("one too many: %d %s, Retry-After %q", got, code, retry)
	}
	// They take no place of those who read, and leave theirs to others.
	if conn, err := r.dial(); err != nil {
		t.Error(err)
	} else if answer := ask(t, conn, "GET /api/v1/mempool"); answer.StatusCode != http.StatusOK {
		t.Errorf("reading beside: %d", answer.StatusCode)
	}
	a.conn.Close()
	for {
		l := r.listen("")
		if l.answer.StatusCode == http.StatusOK {
			l.want("hello")
			return
		}
		l.conn.Close()
	}
}

// ask makes one request on a connection and closes it.
func ask(t *testing.T, conn io.ReadWriteCloser, line string) *http.Response {
	t.Helper()
	defer conn.Close()
	if _, err := io.WriteString(conn, line+" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(line, " ")
	answer, err := http.ReadResponse(newReader(raw), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestEventsHeaders(t *testing.T) {
	r := newRealNode(t).serve()
	conn, err := r.dial()
	if err != nil {
		t.Fatal(err)
	}
	head := ask(t, conn, "HEAD /api/v1/events")
	l := r.listen("")
	for name, want := range map[string]string{
		"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept",
	} {
		if got := l.answer.Header.Get(name); got != want || head.Header.Get(name) != want {
			t.Errorf("%s: %q, to HEAD %q, want %q", name, got, head.Header.Get(name), want)
		}
	}
}

// TestEventsEndWithTheServer: the answer ends, and is not cut off.
func TestEventsEndWithTheServer(t *testing.T) {
	r := newRealNode(t).serve()
	l := r.listen("")
	l.want("hello")
	r.add(r.message("one"))
	l.want("message one")
	r.stop()
	if err := l.end(); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
}
