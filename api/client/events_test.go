package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A scriptedNode answers one request for events after the other as it was told, in memory.
type scriptedNode struct {
	t       *testing.T
	answers []string // "503 9" is a refusal with Retry-After, "gone" nobody; others are streams
	asked   []string // the "since" of each request
	pauses  []time.Duration
	last    time.Time
	mu      sync.Mutex
}

func (n *scriptedNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, r.URL.Query().Get("since"))
	if !n.last.IsZero() {
		n.pauses = append(n.pauses, time.Since(n.last))
	}
	n.last = time.Now()
	answer := n.answers[0]
	n.answers = n.answers[1:]
	var status, retry int
	if got, _ := fmt.Sscanf(answer, "%d %d", &status, &retry); got == 2 {
		w.Header().Set("Retry-After", fmt.Sprint(retry))
		w.WriteHeader(status)
		return
	}
	io.WriteString(w, answer)
	if strings.HasSuffix(answer, "…") {
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// client returns a client of the node, and what ends both.
func (n *scriptedNode) client() (*Client, func()) {
	conns := make(chan net.Conn)
	l := &memoryListener{conns: conns, closed: make(chan struct{})}
	server := &http.Server{Handler: n}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	c, err := New("http://node", WithDialer(func(ctx context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case conns <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}))
	if err != nil {
		n.t.Fatal(err)
	}
	return c, func() { c.Close(); server.Close(); <-done }
}

type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *memoryListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }

const hello = "retry: 2000\nid: r-4\nevent: hello\ndata: {}\n\n"

func TestEventsGoOn(t *testing.T) {
	enough := errors.New("enough")
	for _, tt := range []struct {
		name    string
		answers []string
		events  string // ids and types that are handed on
		since   string // of the requests
		end     error
	}{
		{"a stream that ends", []string{hello + "id: r-5\nevent: block\ndata: {}\n\n", "id: r-5\nevent: hello\ndata: {}\n\n" + "id: r-6\nevent: last\ndata: {}\n\n"},
			"r-4 hello, r-5 block, r-5 hello, r-6 last", ", r-5", enough},
		{"half an event is none", []string{hello + "id: r-5\nevent: last\ndata: {}\n…", hello + "id: r-5\nevent: last\ndata: {}\n\n"},
			"r-4 hello, r-4 hello, r-5 last", ", r-4", enough},
		{"a heartbeat moves the id", []string{hello + ":\nid: r-7\n\n", hello + "id: r-8\nevent: last\ndata: {}\n\n"},
			"r-4 hello, r-4 hello, r-8 last", ", r-7", enough},
		{"a node that starts again", []string{hello, "503 0", "503 9", hello + "event: last\ndata: {}\n\n"},
			"r-4 hello, r-4 hello, r-4 last", ", r-4, r-4, r-4", enough},
		{"a first connection that fails", []string{"503 9"}, "", "", ErrBusy},
		{"a refusal", []string{hello, "400 0"}, "r-4 hello", ", r-4", ErrRefused},
		{"something else", []string{"id: r-4\nevent: last\ndata: {}\n\n"}, "", "", ErrRefused},
		{"a page", []string{"<html>\n\n"}, "", "", errEnded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &scriptedNode{t: t, answers: tt.answers}
				c, stop := n.client()
				defer stop()
				var got []string
				broken := 0
				err := c.Events(t.Context(), EventOptions{Broken: func(error, time.Duration) { broken++ }}, func(e Event) error {
					got = append(got, e.ID+" "+e.Type)
					if e.Type == "last" {
						return enough
					}
					return nil
				})
				if !errors.Is(err, tt.end) {
					t.Errorf("ended with %v, want %v", err, tt.end)
				}
				if events := strings.Join(got, ", "); events != tt.events {
					t.Errorf("events %s, want %s", events, tt.events)
				}
				if since := strings.Join(n.asked, ", "); since != tt.since {
					t.Errorf("asked since %q, want %q", since, tt.since)
				}
				if want := len(n.asked) - 1; broken != want {
					t.Errorf("told of %d breaks, want %d", broken, want)
				}
			})
		})
	}
}

// TestEventsBackOff: a node that is down is not asked all the time, and one that says when to come
// again is asked no earlier.
func TestEventsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scriptedNode{t: t, answers: append([]string{hello}, append(strings.Split(strings.Repeat("503 0,", 9), ",")[:9], "503 60", hello+"event: last\ndata: {}\n\n")...)}
		c, stop := n.client()
		defer stop()
		enough := errors.New("enough")
		err := c.Events(t.Context(), EventOptions{}, func(e Event) error {
			if e.Type == "last" {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) {
			t.Fatal(err)
		}
		for i, pause := range n.pauses {
			want := min(leastBackoff<<i, mostBackoff)
			if i == len(n.pauses)-1 {
				want = time.Minute
			}
			if pause < want/2 || pause > want*3/2 {
				t.Errorf("pause %d is %v, want about %v", i, pause, want)
			}
		}
	})
}

// TestEventsNoticeADeadNode: a connection on which nothing comes is given up.
func TestEventsNoticeADeadNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		defer there.Close()
		go func() {
			there.Read(make([]byte, 4096))
			io.WriteString(there, "HTTP/1.1 200 OK\r\n\r\n"+hello)
			io.Copy(io.Discard, there)
		}()
		c, err := New("http://node", WithDialer(func(context.Context) (net.Conn, error) { return here, nil }))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		begun := time.Now()
		c.Events(ctx, EventOptions{Broken: func(cause error, _ time.Duration) {
			if took := time.Since(begun); !errors.Is(cause, ErrUnreachable) || took > time.Minute {
				t.Errorf("gave up after %v: %v", took, cause)
			}
			cancel()
		}}, func(Event) error { return nil })
		if ctx.Err() == nil {
			t.Error("it did not notice")
		}
	})
}

func FuzzEventReader(f *testing.F) {
	f.Add([]byte(hello + ":\nid: r-7\n\nevent: x\ndata: 1\ndata: 2\n\nid: r-8\r\ndata\r\n\r\n"))
	f.Add([]byte("data: \n\ndata:x"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		whole := readAll(t, stream)
		// What came before a break is the same, whatever follows.
		half := readAll(t, stream[:len(stream)/2])
		if len(half) > len(whole) {
			t.Fatalf("%d events in the first half, %d in all", len(half), len(whole))
		}
		for i := range half {
			if half[i].ID != whole[i].ID || half[i].Type != whole[i].Type || !bytes.Equal(half[i].Data, whole[i].Data) {
				t.Fatalf("event %d is %v, and %v in the first half", i, whole[i], half[i])
			}
		}
	})
}

func readAll(t *testing.T, stream []byte) []Event {
	r := newEventReader(bytes.NewReader(stream))
	for out := []Event(nil); ; {
		e, err := r.next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
}
