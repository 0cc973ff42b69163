//go:build linux

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// spawn starts a node whose log, apart from what it prints for people, goes to w, and waits until it
// answers.
func (m *machine) spawn(w *os.File, env ...string) {
	m.t.Helper()
	m.out = new(buffer)
	m.cmd = m.command(append([]string{"run", "--http", "127.0.0.1:0"}, m.args...)...)
	m.cmd.Env = append(m.cmd.Env, env...)
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if w != nil {
		m.cmd.Stderr = w
	}
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.ready()
}

func lonely(t *testing.T, name string, args ...string) *machine {
	t.Helper()
	return newMachine(t, name, append([]string{"--network", "test", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"}, args...)...)
}

// TestForgedLines has strangers who want a line of their own in the log: what they send is there, in its
// place, and every line is whole, in both forms.
func TestForgedLines(t *testing.T) {
	t.Parallel()
	forged := "\n{\"level\":\"ERROR\",\"msg\":\"forged\"}\r\x1b[2J\u202e\u2028\u009b"
	for _, form := range []string{"json", "text"} {
		file := filepath.Join(t.TempDir(), "miner.log")
		m := lonely(t, "log-"+form, "--log-level", "debug,libp2p=debug", "--log-format", form, "--log-file", file)
		m.spawn(nil)
		escaped := fmt.Sprintf("%%%x", forged)
		for i := 3; i < len(escaped); i += 3 {
			escaped = escaped[:i] + "%" + escaped[i:]
		}
		for _, request := range []string{
			"GET /" + escaped + " HTTP/1.1\nHost: localhost\n\n",
			"GET /api/v1/messages/" + escaped + " HTTP/1.1\nHost: localhost\n\n",
			"FORGED / HTTP/1.1\nHost: local\x1b[2Jhost\n\n",
			"\x16\x03\x01" + forged + "\n\n", // TLS, where there is none
		} {
			m.say(true, request)
		}
		m.stop()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.ContainsFunc(line, func(r rune) bool { return !strconv.IsPrint(r) }) {
				t.Errorf("%s: %q cannot be shown", form, line)
			}
			found = found || strings.Contains(line, "forged")
			if form == "json" {
				var l struct{ Time, Level, Msg string }
				if err := json.Unmarshal([]byte(line), &l); err != nil || l.Msg == "forged" {
					t.Errorf("%q: %v", line, err)
				}
			} else if _, err := time.Parse(time.RFC3339, strings.SplitN(line, " ", 2)[0]); err != nil {
				t.Errorf("%q begins with no time", line)
			}
		}
		if !found {
			t.Errorf("%s: what was sent is not there", form)
		}
	}
}

// TestLogTroubles has a node go on whose log has nowhere to go: its reader leaves or is stopped, the
// folder of its file vanishes, or the disk is full.
func TestLogTroubles(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "logs")
	m := lonely(t, "troubled", "--log-level", "debug", "--log-file", filepath.Join(folder, "miner.log"))
	m.spawn(w)
	r.Close()
	w.Close()
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	m.eventually("the file is there again", func() error {
		if _, err := m.add("hello"); err != nil {
			return err
		}
		_, err := os.Stat(filepath.Join(folder, "miner.log"))
		return err
	})
	m.stop()

	sleeper, w, err := os.Pipe() // whoever reads it is stopped
	if err != nil {
		t.Fatal(err)
	}
	defer sleeper.Close()
	fill(t, w) // so that the greeting finds no room either
	stopped := lonely(t, "stopped", "--log-level", "debug,libp2p=debug")
	stopped.spawn(w)
	w.Close()
	for i := range 500 { // more than a pipe holds
		if err := stopped.get("/livez?"+strconv.Itoa(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	if code, took := stopped.end(0); code != 0 {
		t.Errorf("exit code %d after %v", code, took)
	}
	stopped.cmd = nil

	full := lonely(t, "full", "--log-level", "debug", "--log-file", "/dev/full")
	full.spawn(nil)
	for i := range 20 {
		if _, err := full.add(strconv.Itoa(i)); err != nil {
			t.Error(err)
		}
	}
	full.stop()
	if n := strings.Count(full.out.String(), "the log file cannot be written"); n != 1 {
		t.Errorf("the full disk is told of %d times\n%s", n, tail(full.out.String(), 10))
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, w *os.File) {
	t.Helper()
	if err := w.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := w.Write(make([]byte, 1<<22))
	if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 {
		t.Fatalf("%d bytes, %v: want a full pipe", n, err)
	}
}

// TestSystemd runs a node as systemd does, from its start to its end.
func TestSystemd(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	m := lonely(t, "service")
	m.spawn(nil, "NOTIFY_SOCKET="+path, "WATCHDOG_USEC=100000")
	var got []string
	until := func(state string) {
		t.Helper()
		for !slices.Contains(got, state) {
			conn.SetReadDeadline(time.Now().Add(patience))
			buf := make([]byte, 4096)
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("%v after %q, want %s", err, got, state)
			}
			got = append(got, strings.Split(string(buf[:n]), "\n")...)
		}
	}
	until("WATCHDOG=1")
	if ready := slices.Index(got, "READY=1"); ready < 0 || ready > slices.Index(got, "WATCHDOG=1") {
		t.Errorf("%q, want READY=1 before the first WATCHDOG=1", got)
	}
	until("STATUS=at block 0, 0 peers, 0 messages wait")
	code, _ := m.end(0)
	m.cmd = nil
	until("STOPPING=1")
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestNoServiceManager runs where the one that is named cannot be told.
func TestNoServiceManager(t *testing.T) {
	t.Parallel()
	m := lonely(t, "nobody")
	m.spawn(nil, "NOTIFY_SOCKET=/nonexistent/notify")
	code, _ := m.end(0)
	m.cmd = nil
	if code != 0 || !strings.Contains(m.out.String(), "no word to the service manager") {
		t.Errorf("exit code %d\n%s", code, tail(m.out.String(), 10))
	}
}
