package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/api"
	"p2pchain/core/coretest"
)

// wild is a listener that is not on a loopback address, as far as anybody can tell.
type wild struct{ net.Listener }

func (wild) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 12345} }

func TestNeedsToken(t *testing.T) {
	f := start(t)
	for _, tt := range []struct {
		name string
		edit func(*api.Config)
		addr net.Addr
		want error
	}{
		{"loopback", func(*api.Config) {}, &net.TCPAddr{IP: net.IPv6loopback}, nil},
		{"socket", func(*api.Config) {}, &net.UnixAddr{Name: "x"}, nil},
		{"all addresses", func(*api.Config) {}, &net.TCPAddr{IP: net.IPv6unspecified}, api.ErrNeedsToken},
		{"no address", func(*api.Config) {}, &net.TCPAddr{}, api.ErrNeedsToken},
		{"LAN", func(*api.Config) {}, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5)}, api.ErrNeedsToken},
		{"LAN with a token", func(c *api.Config) { c.Tokens = noTokens }, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5)}, nil},
		{"loopback where all need one", func(c *api.Config) { c.Auth = api.AuthAlways }, &net.TCPAddr{IP: net.IPv6loopback}, api.ErrNeedsToken},
		{"LAN by choice", func(c *api.Config) { c.Auth = api.AuthNone }, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5)}, nil},
	} {
		cfg := api.DefaultConfig()
		tt.edit(&cfg)
		s, err := api.New(cfg, api.Deps{
			Network: f.network, Key: coretest.Key(0), Chain: f.chain, Pool: f.pool, Messages: f, Archive: &archive{}, Branches: f.chain, Miner: fakeMiner{}, Host: f.host, Invite: noInvite,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Check(tt.addr); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if tt.want != nil {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Run(context.Background(), wild{l}); !errors.Is(err, tt.want) {
				t.Errorf("%s: Run: %v", tt.name, err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: the listener is still open (%v)", tt.name, err)
			}
		}
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	_, err := api.New(api.Config{}, api.Deps{})
	for _, want := range []string{"ReadTimeout", "WriteTimeout", "Grace", "MaxReads", "Log", "Network", "Key", "Chain", "Pool", "Messages", "Miner", "Host", "Invite"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

// TestStopEndsWaits stops a server while somebody waits for a confirmation: he is told what is known,
// long before his time is over, and Run returns nil.
func TestStopEndsWaits(t *testing.T) {
	f := start(t)
	answers := make(chan answer)
	go func() { answers <- f.do("POST", "/api/v1/messages?wait=confirmed&timeout=5m", "x") }()
	for f.pool.Totals().Count == 0 {
		f.do("GET", "/livez", "")
	}
	f.stop()
	if a := <-answers; string(at(t, a.body, "status")) != `"waiting"` {
		t.Errorf("%s", a.body)
	}
	if _, err := http.Get(f.url + "/livez"); err == nil {
		t.Error("still serving")
	}
}

// TestStopLetsWritesEnd stops a server in the middle of a write.
func TestStopLetsWritesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l)
		leave := make(chan struct{})
		f.pool.enter = func() { <-leave }
		conn := l.dial()
		defer conn.Close()
		go io.WriteString(conn, "PUT /add?message=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { f.stop(); close(stopped) }()
		time.Sleep(time.Minute) // far beyond the grace
		select {
		case <-stopped:
			t.Error("Run returned while a request was running")
		default:
		}
		close(leave)
		<-stopped
		if got := f.pool.texts(); len(got) != 1 {
			t.Errorf("added %q", got)
		}
	})
}

// TestStopLetsAnswersOut stops a server in the middle of a write that ends within the grace: its
// client is told.
func TestStopLetsAnswersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l)
		f.pool.enter = func() { time.Sleep(time.Second) }
		conn := l.dial()
		defer conn.Close()
		go io.WriteString(conn, "PUT /add?message=x HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { f.stop(); close(stopped) }()
		text, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(text), "Message added!") {
			t.Errorf("%s (%v)", text, err)
		}
		<-stopped
	})
}

// TestGrace has a client that does not read: Run cuts it off in time and waits for the handler.
func TestGrace(t *testing.T) {
	f := start(t, func(c *api.Config, d *api.Deps) {
		c.Grace = 10 * time.Millisecond
		d.Chain = &endlessChain{Chain: d.Chain}
	})
	conn := f.dial()
	defer conn.Close()
	fmt.Fprintf(conn, "GET /chain HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	f.stop()
	if !strings.Contains(f.log.String(), "cut off") {
		t.Errorf("log: %s", f.log)
	}
}

func TestUnixSocket(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "api.sock"))
	if err != nil {
		t.Skip(err)
	}
	f := startAt(t, coretest.Network(t), l)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.Addr().String())
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://whatever/livez")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("status %d", resp.StatusCode)
	}
	_ = f
}

// pipes is a listener of connections in memory, which know virtual time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial() net.Conn {
	mine, theirs := net.Pipe()
	p.conns <- theirs
	return mine
}

// TestTimeouts holds each of the times that a client may take, in virtual time.
func TestTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name string
		send string
		more func(net.Conn) // goes on sending
		want time.Duration  // after which the connection ends
		says string         // a part of the answer
	}{
		{"silent from the start", "", nil, 5 * time.Second, ``},
		{"half a header", "GET /livez HTTP/1.1\r\nHost: localhost\r\n", nil, 5 * time.Second, ``},
		{"half a body", "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc", nil, 30 * time.Second, `408 Request Timeout`},
		{"a body announced too large", "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n", nil, 0, `413 Request Entity`},
		{"half a batch", "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 10\r\n\r\n\"a\"\n", nil, 30 * time.Second, `"line":2,"status":"stopped","code":"request_timeout"`},
		{"idle", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", nil, 2 * time.Minute, `200 OK`},
		{"slow batch", "POST /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n", drip, 10 * time.Minute, `408 Request Timeout`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipes()
				startAt(t, coretest.Network(t), l)
				conn := l.dial()
				begin := time.Now()
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					io.WriteString(conn, tt.send)
					if tt.more != nil {
						tt.more(conn)
					}
				}()
				text, _ := io.ReadAll(conn)
				took := time.Since(begin)
				conn.Close()
				<-sent
				if !strings.Contains(string(text), tt.says) {
					t.Errorf("answer %s", text)
				}
				if took < tt.want || took > tt.want+21*time.Second {
					t.Errorf("ended after %v, want %v", took, tt.want)
				}
			})
		})
	}
}

// drip sends a byte every 20 s.
func drip(conn net.Conn) {
	for {
		time.Sleep(20 * time.Second)
		if _, err := conn.Write([]byte("\n")); err != nil {
			return
		}
	}
}

// TestSlowReader reads a large answer slowly for longer than any of the server's times, and then
// stops, in virtual time.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l, func(_ *api.Config, d *api.Deps) { d.Chain = &endlessChain{Chain: d.Chain} })
		conn := l.dial()
		defer conn.Close()
		go io.WriteString(conn, "GET /chain HTTP/1.1\r\nHost: localhost\r\n\r\n")
		for range 20 {
			if _, err := io.ReadFull(conn, make([]byte, 100<<10)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Second)
		}
		time.Sleep(20 * time.Second) // 40 s without a read
		if n, _ := io.Copy(io.Discard, conn); n > 0 {
			t.Errorf("%d more bytes after a pause", n)
		}
		f.stop()
	})
}

// TestLongWait waits longer than any of the server's times, in virtual time.
func TestLongWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		f := startAt(t, coretest.Network(t), l)
		conn := l.dial()
		defer conn.Close()
		begin := time.Now()
		go io.WriteString(conn, "POST /api/v1/messages?wait=confirmed&timeout=4m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx")
		text, err := io.ReadAll(conn)
		if err != nil || !strings.Contains(string(text), `"waiting"`) {
			t.Errorf("%s (%v)", text, err)
		}
		if took := time.Since(begin); took != 4*time.Minute {
			t.Errorf("answered after %v", took)
		}
		f.stop()
	})
}

// TestUnknownParameters sends every route of the API of our own a parameter that it does not have, also
// beside one that it has. A filter that is spelt wrong must not look like one that everything passes.
func TestUnknownParameters(t *testing.T) {
	f := start(t)
	checked := 0
	for _, r := range api.RouteLines() {
		if !strings.HasPrefix(r.Pattern, "/api/v1/") {
			continue
		}
		checked++
		for _, query := range []string{"words=hello", "wait=confirmed&Limit=1", "limit=1&%6cimit=2", "nonsense"} {
			a := f.do(r.Method, path(r)+"?"+query, "{}", "Content-Type", "application/json")
			if a.status != http.StatusBadRequest || f.code(a) != "unknown_parameter" {
				t.Errorf("%s %s?%s: %d %.200s", r.Method, r.Pattern, query, a.status, a.body)
			}
		}
	}
	if checked < 25 {
		t.Errorf("only %d routes", checked)
	}
	for _, query := range []string{"author=" + strings.Repeat("a", 64) + "&author=" + strings.Repeat("b", 64), "limit=1&limit=1"} {
		if a := f.do("GET", "/api/v1/messages?"+query, ""); f.code(a) != "unknown_parameter" || !strings.Contains(string(a.body), "want it once") {
			t.Errorf("twice the same of %s: %d %.200s", query, a.status, a.body)
		}
	}
	if a := f.do("GET", "/api/v1/messages?limit=1&&status=waiting", ""); a.status != http.StatusOK {
		t.Errorf("a list with what it knows: %d %s", a.status, a.body)
	}
}
