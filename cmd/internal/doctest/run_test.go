//go:build linux

package doctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestBlocks runs every shell block of every page, as a reader would who begins at the top.
func TestBlocks(t *testing.T) {
	if os.Getenv("P2PCHAIN_DOCS") == "" {
		t.Skip("it starts many nodes: make docs")
	}
	module, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("unshare", "--net", "--mount", "true").Run(); err != nil {
		t.Skipf("networks and mounts of its own need root: %v", err)
	}
	source := sync.OnceValues(func() (string, error) { return build(module, t.TempDir()) })
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			blocks, err := parse(readPage(t, page))
			if err != nil {
				t.Fatal(err)
			}
			src, err := source()
			if err != nil {
				t.Fatal(err)
			}
			l := newLAN(t, t.TempDir(), filepath.Join(src, "bin"), append(goEnv(t), "MODULE="+module, "SOURCES="+src, "OLDER="+os.Getenv("P2PCHAIN_OLDER")))
			if !strings.Contains(page, "/") { // these speak to who has the sources
				l.sources(src, module)
			}
			session(t, l, page, blocks)
		})
	}
}

// session runs the blocks of a page in their order.
func session(t *testing.T, l *lan, page string, blocks []block) {
	t.Helper()
	for _, b := range blocks {
		if b.skip != "" {
			continue
		}
		if !there(b.needs) {
			t.Logf("%s:%d is not run: %s is missing", page, b.line, b.needs)
			continue
		}
		began := time.Now()
		out, err := play(t.Context(), l.machine(b.machine), b)
		t.Logf("%s:%d on %s, %.1fs\n%s%s", page, b.line, b.machine, time.Since(began).Seconds(), indent(b.text, "$ "), indent(out, "  "))
		if err != nil {
			for name, m := range l.machines {
				for _, term := range m.terminals {
					t.Logf("terminal on %s: %s\n%s", name, term.command, indent(term.out.String(), "  "))
				}
			}
			t.Fatalf("%s:%d: %v", page, b.line, err)
		}
	}
	for name, m := range l.machines {
		if err := m.ctrlC(""); err != nil {
			t.Errorf("%s: at the end, on %s: %v", page, name, err)
		}
	}
}

// there reports whether this machine has what a block needs: a command, or a file of the module.
func there(needs string) bool {
	if strings.Contains(needs, "/") {
		_, err := os.Stat(filepath.Join(root, needs))
		return err == nil
	}
	_, err := exec.LookPath(needs)
	return needs == "" || err == nil
}

// play runs one block and returns what it said.
func play(ctx context.Context, m *machine, b block) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, blockTime)
	defer cancel()
	if b.ctrlC {
		if err := m.ctrlC(b.stops); err != nil {
			return "", err
		}
	}
	if b.cable != "" {
		m.lan.ip(m.lan.hub, "link set "+m.plug+" "+b.cable)
	}
	if b.file != "" {
		b.text = fmt.Sprintf("mkdir -p \"$(dirname %[1]s)\" && cat > %[1]s <<'end of the file'\n%[2]send of the file\n", b.file, b.text)
	}
	if !b.terminal {
		return m.run(ctx, b)
	}
	for _, command := range b.commands() {
		if err := m.open(command, b.quiet); err != nil {
			return "", err
		}
	}
	return "", nil
}

// indent puts a mark before each line.
func indent(text, mark string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(mark + line)
	}
	return b.String()
}

// build copies the sources as they are, without what git ignores, and builds the binary there as the README
// says. To Go the copy lies where the module is, so that what was compiled already counts. It returns the copy.
func build(module, dir string) (string, error) {
	script := `cd "$1" && { git ls-files -z; git ls-files -z --others --exclude-standard; } | xargs -0 sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' - | tar -c --null -T - | tar -x -C "$2" && mount --bind "$2" "$1" && make -C "$1" build`
	if out, err := exec.Command("unshare", "--mount", "sh", "-c", script, "sh", module, dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building a copy: %w: %s", err, out)
	}
	// Readers who are told to be root are.
	return dir, os.WriteFile(filepath.Join(dir, "bin", "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o700)
}

// goEnv returns the variables by which a go command in another home finds what was built already.
func goEnv(t *testing.T) []string {
	t.Helper()
	var env []string
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN"} {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+strings.TrimSpace(string(out)))
	}
	return env
}
