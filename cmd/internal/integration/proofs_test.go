//go:build linux

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stranger runs verify where there is nothing but the file: no data folder, no settings that can be read
// and, where this user may make such a place, no network either.
func stranger(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	home := t.TempDir()
	broken := filepath.Join(home, "config.yaml")
	if err := os.WriteFile(broken, []byte(": not yaml ["), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append([]string{binary, "verify"}, args...)
	if exec.Command("unshare", "--net", "true").Run() == nil {
		args = append([]string{"unshare", "--net"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "P2PCHAIN_CONFIG=" + broken, "P2PCHAIN_DATA_DIR=" + filepath.Join(home, "data")}
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(home); err != nil || len(left) != 1 {
		t.Errorf("verify left %v behind, %v", left, err)
	}
	return code, string(out)
}

// TestProofsSurvive interrupts the wait for a proof, kills the node, fetches the proof as the interrupted
// command said, kills the node again, and has a stranger verify all of it.
func TestProofsSurvive(t *testing.T) {
	t.Parallel()
	m := lonely(t, "proofs")
	m.start("--mine", "off")
	dir := t.TempDir()
	file := filepath.Join(dir, "deed.p2pproof")

	said := new(buffer)
	add := m.command("add", "the deed", "--proof", file)
	add.Stdout, add.Stderr = said, said
	if err := add.Start(); err != nil {
		t.Fatal(err)
	}
	m.eventually("the message waits", func() error {
		if n, err := m.waiting(); err != nil || n != 1 {
			return fmt.Errorf("%d wait, %w", n, err)
		}
		return nil
	})
	m.signalUntilEnd(add, syscall.SIGINT)
	later := regexp.MustCompile(`get it later with: \S+ (proof ([0-9a-f]{64}) --wait.* -o \S+)`).FindStringSubmatch(said.String())
	if add.ProcessState.ExitCode() != 130 || later == nil {
		t.Fatalf("ended with %d:\n%s", add.ProcessState.ExitCode(), said)
	}

	m.kill()
	m.start()
	if _, err := m.run(nil, strings.Fields(later[1])...); err != nil {
		t.Fatal(err)
	}
	early, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code, out := stranger(t, file, "--genesis", "test"); code != 0 || !strings.Contains(out, "the deed") || !strings.Contains(out, "says yet until when") {
		t.Errorf("ended with %d:\n%s", code, out)
	}
	if _, err := m.run(nil, "add", "on top", "--wait"); err != nil {
		t.Fatal(err)
	}
	m.kill()
	m.start()
	if _, err := m.run(nil, "proof", later[2], "-o", file); err != nil {
		t.Fatal(err)
	}
	late, err := os.ReadFile(file)
	if err != nil || bytes.Equal(early, late) {
		t.Errorf("after another block the proof is the same, %v", err)
	}
	if code, out := stranger(t, file, "--genesis", "test", "--min-confirmations", "1"); code != 0 || !strings.Contains(out, "between block") {
		t.Errorf("ended with %d:\n%s", code, out)
	}
	if out, err := m.run(nil, "verify", file, "--node", m.url, "--min-confirmations", "1"); err != nil || !strings.Contains(out, "tied to what you trust") {
		t.Errorf("%v:\n%s", err, out)
	}
	exitCodes(t, file, late)
	if leftovers, err := filepath.Glob(filepath.Join(dir, "*.tmp")); err != nil || len(leftovers) > 0 {
		t.Errorf("unfinished files are left: %v, %v", leftovers, err)
	}
}

// exitCodes has a stranger verify a good proof with wishes that it does not meet, and an altered one.
func exitCodes(t *testing.T, file string, content []byte) {
	t.Helper()
	altered := filepath.Join(t.TempDir(), "altered.p2pproof")
	if err := os.WriteFile(altered, bytes.Replace(content, []byte(`"signature":"`), []byte(`"signature":"00`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := stranger(t, altered); code != 19 {
		t.Errorf("altered: ended with %d:\n%s", code, out)
	}
	if code, out := stranger(t, file, "--genesis", "main"); code != 20 {
		t.Errorf("another network: ended with %d:\n%s", code, out)
	}
	if code, out := stranger(t, file, "--min-work", "2h"); code != 21 {
		t.Errorf("too weak: ended with %d:\n%s", code, out)
	}
}

// signalUntilEnd sends a signal to a process and waits for its end.
func (m *machine) signalUntilEnd(cmd *exec.Cmd, signal os.Signal) {
	m.t.Helper()
	if err := cmd.Process.Signal(signal); err != nil {
		m.t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer kill.Stop()
	cmd.Wait() // how it ended is in its state
}
