//go:build linux

package doctest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	blockTime = 90 * time.Second // the most that a block takes
	stopTime  = 20 * time.Second // and a terminal after Ctrl-C
	settled   = 700 * time.Millisecond
	greeted   = 60 * time.Second // the most that a terminal is waited for
)

// A lan is the cable between the machines of a page.
type lan struct {
	t        *testing.T
	work     string // the folder in which all of them begin
	bin      string // the folder of the binary
	extra    []string
	hub      int // the process that holds the namespace of the bridge
	machines map[string]*machine
	module   string // where the machines see the copy of the sources in work; "" where they do not
}

// A machine is a network namespace, a home and what its session has left so far.
type machine struct {
	lan       *lan
	name      string
	plug      string // its end of the cable in the bridge
	holder    int
	env       []string
	dir       string
	terminals []*terminal
}

// newLAN makes a cable without machines.
func newLAN(t *testing.T, work, bin string, extra []string) *lan {
	t.Helper()
	l := &lan{t: t, work: work, bin: bin, extra: extra, machines: map[string]*machine{}}
	l.hub = l.namespace()
	l.ip(l.hub, "link add br0 type bridge mcast_snooping 0")
	l.ip(l.hub, "link set br0 up")
	return l
}

// sources lets the session begin in a copy of the sources, which the machines see where the module is.
func (l *lan) sources(src, module string) {
	l.t.Helper()
	if out, err := exec.Command("cp", "-a", src+"/.", l.work).CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	l.module = module
}

// namespace starts a process in a network namespace and one of mounts, which end with the test.
func (l *lan) namespace() int {
	l.t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.t.Skipf("a network of its own needs root: %v", err)
	}
	l.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return cmd.Process.Pid
}

// ip runs the command ip in a namespace.
func (l *lan) ip(holder int, args string) {
	l.t.Helper()
	all := append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", holder), "ip"}, strings.Fields(args)...)
	if out, err := exec.Command("nsenter", all...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", args, err, out)
	}
}

// machine returns the machine of a name, plugged in when it is named first.
func (l *lan) machine(name string) *machine {
	l.t.Helper()
	if m := l.machines[name]; m != nil {
		return m
	}
	n := len(l.machines) + 1
	m := &machine{lan: l, name: name, plug: fmt.Sprintf("v%d", n), holder: l.namespace(), dir: l.work}
	l.machines[name] = m
	l.ip(l.hub, fmt.Sprintf("link add %s type veth peer name eth0 netns %d", m.plug, m.holder))
	l.ip(l.hub, "link set "+m.plug+" master br0 up")
	l.ip(m.holder, "link set lo up")
	l.ip(m.holder, fmt.Sprintf("addr add 192.168.7.%d/24 dev eth0", n))
	l.ip(m.holder, "link set eth0 up")
	home := filepath.Join(l.t.TempDir(), name)
	if err := os.MkdirAll(home, 0o700); err != nil {
		l.t.Fatal(err)
	}
	m.env = append([]string{"HOME=" + home, "PATH=" + l.bin + ":" + os.Getenv("PATH"), "LANG=C.UTF-8"}, l.extra...)
	l.t.Cleanup(m.killAll)
	if l.module != "" {
		m.dir = l.module
		ns := fmt.Sprintf("--mount=/proc/%d/ns/mnt", m.holder)
		if out, err := exec.Command("nsenter", ns, "mount", "--bind", l.work, l.module).CombinedOutput(); err != nil {
			l.t.Fatalf("%v: %s", err, out)
		}
	}
	return m
}

// command returns a shell on the machine with a script, as one process group.
func (m *machine) command(script string) (*exec.Cmd, error) {
	file, err := os.CreateTemp(m.lan.t.TempDir(), "block")
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(file, "cd '%s'\n%s", m.dir, script); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	ns := fmt.Sprintf("/proc/%d/ns/", m.holder)
	cmd := exec.Command("nsenter", "--net="+ns+"net", "--mount="+ns+"mnt", "bash", file.Name())
	cmd.Env = m.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, nil
}

// run runs a block to its end and keeps its folder and variables for the next one.
func (m *machine) run(ctx context.Context, b block) (string, error) {
	state := filepath.Join(m.lan.t.TempDir(), "state")
	var out record
	cmd, err := m.command("set -aeuo pipefail\ntrap 'pwd > " + state + ".pwd; env -0 > " + state + ".env' EXIT\n" + b.text)
	if err != nil {
		return out.String(), err
	}
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return out.String(), err
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer stop()
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != b.exit || ctx.Err() != nil {
		return out.String(), fmt.Errorf("ended with %d, not %d (%v, %v)", code, b.exit, err, ctx.Err())
	}
	if strings.Contains("\n"+out.String(), "\nnull\n") {
		return out.String(), errors.New("it says null: a member that jq asks for is not there")
	}
	env, err := os.ReadFile(state + ".env")
	if err != nil {
		return out.String(), err
	}
	dir, err := os.ReadFile(state + ".pwd")
	m.env, m.dir = nil, strings.TrimSpace(string(dir))
	for v := range strings.SplitSeq(strings.TrimRight(string(env), "\x00"), "\x00") {
		if !strings.HasPrefix(v, "SHELLOPTS=") && !strings.HasPrefix(v, "BASHOPTS=") {
			m.env = append(m.env, v)
		}
	}
	return out.String(), err
}

// A terminal is a command that goes on running.
type terminal struct {
	command string
	cmd     *exec.Cmd
	out     record
	ended   chan struct{}
}

// open starts a command in a terminal of its own and waits until it has said what it has to say.
func (m *machine) open(command string, quiet bool) error {
	cmd, err := m.command(command + "\n")
	if err != nil {
		return err
	}
	term := &terminal{command: command, cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &term.out, &term.out
	if err := cmd.Start(); err != nil {
		return err
	}
	m.terminals = append(m.terminals, term)
	go func() { defer close(term.ended); _ = cmd.Wait() }()
	began, deadline := time.Now(), time.After(greeted)
	for {
		select {
		case <-term.ended:
			return fmt.Errorf("%q ended by itself:\n%s", command, term.out.String())
		case <-deadline:
			return nil
		case <-time.After(settled / 7):
			said := term.out.quiet()
			if said > settled || (quiet && said == 0 && time.Since(began) > settled) {
				return nil
			}
		}
	}
}

// ctrlC interrupts the terminals whose command has a word; all of them must end, and well.
func (m *machine) ctrlC(word string) error {
	var errs []error
	var stopped, left []*terminal
	for _, term := range m.terminals {
		if !strings.Contains(term.command, word) {
			left = append(left, term)
			continue
		}
		stopped = append(stopped, term)
		errs = append(errs, syscall.Kill(-term.cmd.Process.Pid, syscall.SIGINT))
	}
	for _, term := range stopped {
		select {
		case <-term.ended:
			if code := term.cmd.ProcessState.ExitCode(); code != 0 && code != 130 {
				errs = append(errs, fmt.Errorf("after Ctrl-C it ended with %d:\n%s", code, term.out.String()))
			}
		case <-time.After(stopTime):
			errs = append(errs, errors.New("it does not end after Ctrl-C:\n"+term.out.String()))
			left = append(left, term)
		}
	}
	m.terminals = left
	return errors.Join(errs...)
}

// killAll ends what still runs.
func (m *machine) killAll() {
	for _, term := range m.terminals {
		select {
		case <-term.ended:
		default:
			_ = syscall.Kill(-term.cmd.Process.Pid, syscall.SIGKILL)
			<-term.ended
		}
	}
	m.terminals = nil
}

// A record keeps what processes write, and when they did so last.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
	last time.Time
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = time.Now()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// quiet returns for how long nothing was written; 0 before the first byte.
func (r *record) quiet() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last.IsZero() {
		return 0
	}
	return time.Since(r.last)
}
