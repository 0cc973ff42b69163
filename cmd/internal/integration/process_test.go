//go:build linux

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "p2pchain/cmd/internal/node" // so that a cached result is not kept when the node has changed
)

// binary is the p2pchain that TestMain built.
var binary string

// patience bounds every wait. It is no expectation: a test that passes waits far less.
const patience = 90 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "p2pchain-integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(dir, "p2pchain")
	build := exec.Command("go", "build", "-o", binary, "p2pchain/cmd/p2pchain")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the binary: %v\n%s", err, out)
		os.Exit(1)
	}
	// The tests mostly wait for their nodes.
	if err := flag.Set("test.parallel", "5"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A machine is a place where a node runs: a data directory and, in a lan, a network namespace.
type machine struct {
	t    testing.TB
	name string
	dir  string
	ns   string // empty: our own
	args []string
	http *http.Client

	cmd *exec.Cmd
	out *buffer
	url string
}

// A buffer keeps what a process prints.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newMachine returns a machine on loopback whose node starts with these flags.
func newMachine(t testing.TB, name string, args ...string) *machine {
	t.Helper()
	m := &machine{t: t, name: name, dir: filepath.Join(t.TempDir(), name), args: args}
	m.http = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dialIn(ctx, m.ns, network, addr)
		},
	}}
	t.Cleanup(func() {
		if m.cmd != nil {
			m.kill()
		}
		m.http.CloseIdleConnections()
		if t.Failed() {
			t.Logf("--- output of %s\n%s", name, tail(m.out.String(), 40))
		}
	})
	return m
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// command is the binary on this machine, as a user types it there.
func (m *machine) command(args ...string) *exec.Cmd {
	args = append([]string{binary}, args...)
	if m.ns != "" {
		args = append([]string{"ip", "netns", "exec", m.ns}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "P2PCHAIN_DATA_DIR="+m.dir)
	return cmd
}

// start runs the node and waits until its API answers.
func (m *machine) start(more ...string) {
	m.t.Helper()
	m.launch(more...)
	m.ready()
}

// launch runs the node without waiting.
func (m *machine) launch(more ...string) {
	m.t.Helper()
	if m.out == nil {
		m.out = new(buffer)
	}
	_ = os.Remove(filepath.Join(m.dir, "api.json")) // what a killed node left behind
	m.cmd = m.command(append(append([]string{"run", "--http", "127.0.0.1:0"}, m.args...), more...)...)
	m.cmd.Stdout, m.cmd.Stderr = m.out, m.out
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

// ready waits until the node of launch answers.
func (m *machine) ready() {
	m.t.Helper()
	m.eventually("the API answers", func() error {
		text, err := os.ReadFile(filepath.Join(m.dir, "api.json"))
		if err != nil {
			return err
		}
		var address struct{ URL string }
		if err := json.Unmarshal(text, &address); err != nil {
			return err
		}
		m.url = address.URL
		return m.get("/livez", nil)
	})
}

// kill is SIGKILL: nothing is flushed, nothing is said.
func (m *machine) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
	m.cmd = nil
}

// stop asks the node to end and wants a clean exit.
func (m *machine) stop() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		m.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- m.cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			m.t.Errorf("%s did not stop cleanly: %v\n%s", m.name, err, tail(m.out.String(), 10))
		}
	case <-time.After(patience):
		m.t.Errorf("%s did not stop", m.name)
		_ = m.cmd.Process.Kill()
		<-done
	}
	m.cmd = nil
}

// eventually polls until check returns nil.
func (m *machine) eventually(what string, check func() error) {
	m.t.Helper()
	eventually(m.t, m.name+": "+what, check)
}

func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", what, patience, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// do sends a request and decodes the JSON answer; another status than 2xx is an error.
func (m *machine) do(method, path, contentType, body string, out any) error {
	req, err := http.NewRequest(method, m.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return &statusError{resp.StatusCode, string(text)}
	}
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.status, e.text) }

func (m *machine) get(path string, out any) error { return m.do("GET", path, "", "", out) }

// run runs a command on the machine and returns what it printed on stdout.
func (m *machine) run(stdin io.Reader, args ...string) (string, error) {
	cmd := m.command(args...)
	cmd.Stdin = stdin
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("p2pchain %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}
