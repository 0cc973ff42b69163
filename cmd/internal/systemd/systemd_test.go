package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// listen makes a manager's socket, and returns what comes in.
func listen(t *testing.T) (path string, read func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, func() string {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

// env returns variables as the operating system would.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, pair := range pairs {
			if key, value, _ := strings.Cut(pair, "="); key == name {
				return value, true
			}
		}
		return "", false
	}
}

// A service can hang.
type service struct {
	hangs   atomic.Bool
	summary atomic.Value
}

func (s *service) Live() error {
	if s.hangs.Load() {
		return errors.New("store has not answered")
	}
	return nil
}

func (s *service) Summary() string { return s.summary.Load().(string) }

// TestRun follows a service from its start to its end.
func TestRun(t *testing.T) {
	path, read := listen(t)
	n, err := New(env("NOTIFY_SOCKET="+path, "WATCHDOG_USEC=20000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid())))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	s := new(service)
	s.summary.Store("at block 5")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, s) }()
	if got := read(); got != "READY=1\nSTATUS=at block 5" {
		t.Errorf("first: %q", got)
	}
	for range 3 {
		if got := read(); got != "WATCHDOG=1" {
			t.Errorf("while it lives: %q", got)
		}
	}
	s.hangs.Store(true)
	s.summary.Store("stuck:\nREADY=1\x1b[2J")
	for got := read(); got != "STATUS=stuck: READY=1 [2J"; got = read() {
		if got != "WATCHDOG=1" && got != "WATCHDOG=1\nSTATUS=stuck: READY=1 [2J" { // sent before
			t.Fatalf("while it hangs: %q", got)
		}
		if strings.HasSuffix(got, "[2J") {
			break
		}
	}
	s.summary.Store("still stuck")
	if got := read(); got != "STATUS=still stuck" {
		t.Errorf("while it hangs: %q, want no WATCHDOG", got)
	}
	s.hangs.Store(false)
	if got := read(); got != "WATCHDOG=1" {
		t.Errorf("when it goes on: %q", got)
	}
	cancel()
	for got := read(); got != "STOPPING=1\nSTATUS=stopping"; got = read() {
		if got != "WATCHDOG=1" {
			t.Fatalf("at the end: %q", got)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStarting asks for more time while the start goes on.
func TestStarting(t *testing.T) {
	path, read := listen(t)
	n, err := New(env("NOTIFY_SOCKET=" + path))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Starting(ctx, "opening the store") }()
	if got := read(); got != "STATUS=opening the store\nEXTEND_TIMEOUT_USEC=60000000" {
		t.Errorf("%q", got)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestNew reads the environment as sd_notify(3) and sd_watchdog_enabled(3) say.
func TestNew(t *testing.T) {
	path, _ := listen(t)
	for _, tt := range []struct {
		name     string
		env      []string
		none     bool
		fails    bool
		watchdog time.Duration
	}{
		{"no manager", nil, true, false, 0},
		{"empty", []string{"NOTIFY_SOCKET="}, true, false, 0},
		{"no watchdog", []string{"NOTIFY_SOCKET=" + path}, false, false, 0},
		{"watchdog for all", []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=3000000"}, false, false, 3 * time.Second},
		{"watchdog for another", []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=3000000", "WATCHDOG_PID=1"}, false, false, 0},
		{"no number", []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=x"}, false, false, 0},
		{"other kind of socket", []string{"NOTIFY_SOCKET=vsock:2:1234"}, true, true, 0},
		{"nobody there", []string{"NOTIFY_SOCKET=" + path + "x"}, true, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n, err := New(env(tt.env...))
			if (n == nil) != tt.none || (err != nil) != tt.fails {
				t.Fatalf("New = %v, %v", n, err)
			}
			if n != nil && n.watchdog != tt.watchdog {
				t.Errorf("watchdog %v, want %v", n.watchdog, tt.watchdog)
			}
			n.Close()
		})
	}
	// Nobody asked to be told: nothing happens.
	var none *Notifier
	if err := errors.Join(none.Run(t.Context(), nil), none.Starting(t.Context(), ""), none.Close()); err != nil {
		t.Error(err)
	}
}

// TestAbstract reaches a socket in the abstract name space, as systemd may use it.
func TestAbstract(t *testing.T) {
	if _, err := os.Stat("/proc/net/unix"); err != nil {
		t.Skip("no abstract sockets here")
	}
	name := "@p2pchain-test-" + strconv.Itoa(os.Getpid())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n, err := New(env("NOTIFY_SOCKET=" + name))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := n.send("READY=1"); err != nil {
		t.Error(err)
	}
}
