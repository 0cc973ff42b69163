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
)

// TestBlocks runs every shell block of every page, as a reader would who begins at the top.
func TestBlocks(t *testing.T) {
	if os.Getenv("P2PCHAIN_DOCS") == "" {
		t.Skip("it starts many nodes: make docs")
	}
	source := sync.OnceValues(func() (string, error) { return build(t.TempDir()) })
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
			work := t.TempDir()
			if page == "README.md" {
				work = src
			}
			session(t, newLAN(t, work, filepath.Join(src, "bin"), goEnv(t)), page, blocks)
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
		out, err := play(t.Context(), l.machine(b.machine), b)
		t.Logf("%s:%d on %s\n%s%s", page, b.line, b.machine, indent(b.text, "$ "), indent(out, "  "))
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
	if !b.terminal {
		return m.run(ctx, b)
	}
	for _, command := range b.commands() {
		if err := m.open(command); err != nil {
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

// build copies the sources as they are, without what git does not know or ignores, and builds the binary
// there as the README says. It returns the copy.
func build(dir string) (string, error) {
	script := `cd "$1" && { git ls-files -z; git ls-files -z --others --exclude-standard; } | xargs -0 sh -c 'for f; do [ ! -f "$f" ] || printf "%s\0" "$f"; done' - | tar -c --null -T - | tar -x -C "$2" && make -C "$2" build`
	if out, err := exec.Command("sh", "-c", script, "sh", root, dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building a copy: %w: %s", err, out)
	}
	return dir, nil
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
