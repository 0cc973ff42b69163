//go:build linux

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// dial opens a connection to the machine's API that ends with the test.
func (m *machine) dial() net.Conn {
	m.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { conn.Close() })
	return conn
}

// say sends the beginning of a request and reads up to the end of the answer's header, if it is to be
// answered. Nobody reads what follows.
func (m *machine) say(answered bool, request string) {
	m.t.Helper()
	conn := m.dial()
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		m.t.Fatal(err)
	}
	if !answered {
		return
	}
	for r := bufio.NewReaderSize(conn, 16); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			m.t.Fatalf("%.40q: %v", request, err)
		}
		if strings.TrimSpace(line) == "" {
			return
		}
	}
}

// fill adds lines of a size.
func (m *machine) fill(lines, size int) {
	m.t.Helper()
	var body strings.Builder
	for i := range lines {
		fmt.Fprintf(&body, "%d %s\n", i, strings.Repeat("x", size))
	}
	if err := m.do("POST", "/api/v1/messages", "application/x-ndjson", jsonLines(body.String()), nil); err != nil {
		m.t.Fatal(err)
	}
}

// jsonLines makes each line a message of a batch.
func jsonLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprintf(&b, "{\"message\":%q}\n", strings.TrimSuffix(line, "\n"))
	}
	return b.String()
}

// end asks the node to end and returns how it did. The node itself gives its parts five seconds, and
// ends with an error where one needs longer.
func (m *machine) end(again time.Duration) (code int, took time.Duration) {
	m.t.Helper()
	begun := time.Now()
	signal := func() {
		if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			m.t.Error(err)
		}
	}
	signal()
	if again > 0 {
		time.Sleep(again)
		signal()
	}
	limit := time.AfterFunc(patience, func() { m.cmd.Process.Kill() })
	defer limit.Stop()
	err := m.cmd.Wait()
	took = time.Since(begun)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	return code, took
}

// TestStop ends nodes that are busy with all that may last. Each ends cleanly, which it does only within
// five seconds, and keeps all that it acknowledged.
func TestStop(t *testing.T) {
	t.Parallel()
	genesis := networkFile(t, "stop")
	for _, tt := range []struct {
		name string
		busy func(t *testing.T, m *machine) (done func())
	}{
		{"nothing to do", func(*testing.T, *machine) func() { return func() {} }},
		{"writers", func(t *testing.T, m *machine) func() {
			var l ledger
			stop := make(chan struct{})
			writers := l.write(m, "stop", 32, stop)
			m.eventually("messages are accepted", func() error {
				if l.len() < 200 {
					return fmt.Errorf("%d accepted", l.len())
				}
				return nil
			})
			return func() {
				close(stop)
				writers.Wait()
				m.start()
				agree(t, m)
				if lost, twice := l.missing(t, m); len(lost)+len(twice) > 0 {
					t.Errorf("%d acknowledged messages are lost, %d are there twice", len(lost), len(twice))
				}
				m.stop()
			}
		}},
		{"half requests", func(_ *testing.T, m *machine) func() {
			m.say(false, "GET /ch")
			m.say(false, "POST /api/v1/messages HTTP/1.1\nHost: localhost\nContent-Length: 1000\n\nhalf of it")
			m.say(false, "POST /api/v1/messages HTTP/1.1\nHost: localhost\nContent-Type: application/x-ndjson\nContent-Length: 100000\n\n{\"message\":\"one\"}\n{\"mes")
			m.say(false, "")
			return func() {}
		}},
		{"event streams", func(_ *testing.T, m *machine) func() {
			for range 40 {
				m.say(true, "GET /api/v1/events HTTP/1.1\nHost: localhost\n\n")
				m.say(true, "GET /api/v1/events HTTP/1.1\nHost: localhost\nAccept: application/x-ndjson\n\n")
			}
			m.fill(2000, 1000) // the streams fill up
			return func() {}
		}},
		{"waiting for a confirmation", func(_ *testing.T, m *machine) func() {
			for i := range 20 {
				body := fmt.Sprintf("wait %d", i)
				m.say(false, fmt.Sprintf("POST /api/v1/messages?wait=confirmed&timeout=60s HTTP/1.1\nHost: localhost\nContent-Type: text/plain\nContent-Length: %d\n\n%s", len(body), body))
			}
			return func() {}
		}},
		{"exports and a backup that nobody reads", func(_ *testing.T, m *machine) func() {
			m.fill(700, 15000) // more than the system's buffers hold
			m.eventually("is sealed", func() error {
				if n, err := m.waiting(); err != nil || n > 0 {
					return fmt.Errorf("%d wait, %w", n, err)
				}
				return nil
			})
			for range 4 {
				m.say(true, "GET /chain HTTP/1.1\nHost: localhost\n\n")
				m.say(true, "GET /api/v1/export HTTP/1.1\nHost: localhost\n\n")
			}
			m.say(true, "GET /api/v1/backup HTTP/1.1\nHost: localhost\n\n")
			return func() {}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, "busy", "--genesis", genesis, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
			if tt.name == "waiting for a confirmation" {
				m.args = append(m.args, "--mine", "off")
			}
			m.start()
			done := tt.busy(t, m)
			code, took := m.end(0)
			m.cmd = nil
			if code != 0 || strings.Contains(m.out.String(), "does not stop") {
				t.Errorf("exit code %d after %v\n%s", code, took, tail(m.out.String(), 10))
			}
			t.Logf("%s: stopped after %v", tt.name, took.Round(time.Millisecond))
			done()
		})
	}
}

// TestStopDuringSync ends a node that fetches a chain, and the one that it fetches from.
func TestStopDuringSync(t *testing.T) {
	t.Parallel()
	genesis := networkFile(t, "stopsync")
	full := newMachine(t, "full", "--genesis", genesis, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	full.start()
	for range 2 {
		full.fill(250, 15000)
	}
	full.eventually("is sealed", func() error {
		if n, err := full.waiting(); err != nil || n > 0 {
			return fmt.Errorf("%d wait, %w", n, err)
		}
		return nil
	})
	late := newMachine(t, "late", "--genesis", genesis, "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", full.joinFlag())
	for _, wait := range []string{"", "sync"} { // as soon as it answers, and in the middle
		late.start()
		late.eventually("fetches", func() error {
			if wait != "" && !strings.Contains(late.out.String(), `"peer connected"`) {
				return errors.New("no peer")
			}
			return nil
		})
		if code, took := late.end(0); code != 0 {
			t.Errorf("exit code %d after %v\n%s", code, took, tail(late.out.String(), 10))
		}
		late.cmd = nil
	}
	late.start()
	code, took := full.end(0)
	full.cmd = nil
	if code != 0 {
		t.Errorf("the one that is fetched from: exit code %d after %v\n%s", code, took, tail(full.out.String(), 10))
	}
	full.start()
	agree(t, full) // what was there is there
	full.stop()
	late.stop()
}

// TestSecondSignal ends a node at once that waits for its clients.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "stubborn", "--genesis", networkFile(t, "second"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0")
	m.start()
	m.say(false, "GET /ch") // has its place among the connections once a later one is answered
	if err := m.get("/livez", nil); err != nil {
		t.Fatal(err)
	}
	code, took := m.end(1100 * time.Millisecond) // what comes within a second is an echo of the first
	m.cmd = nil
	if code != 130 || !strings.Contains(m.out.String(), "ending at once") {
		t.Errorf("exit code %d after %v, want 130\n%s", code, took, tail(m.out.String(), 10))
	}
}
