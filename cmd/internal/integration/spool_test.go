//go:build linux

package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"p2pchain/core/coretest/random"
)

// unprocessed returns the texts that wait on a node that does not mine, in the order of their acceptance.
func (m *machine) unprocessed() []string {
	m.t.Helper()
	var reply struct {
		Unprocessed []struct{ Message string }
	}
	if err := m.get("/data", &reply); err != nil {
		m.t.Fatal(err)
	}
	texts := make([]string, len(reply.Unprocessed))
	for i, u := range reply.Unprocessed {
		texts[i] = u.Message
	}
	return texts
}

// spooled returns how many bytes of lines are kept on a machine.
func (m *machine) spooled() (size int64) {
	files, _ := filepath.Glob(filepath.Join(m.dir, "spool", "*.spool"))
	for _, name := range files {
		if stat, err := os.Stat(name); err == nil {
			size += stat.Size()
		}
	}
	return size
}

// numbered checks that texts are the lines from 1 on, each once and in order, and returns how many.
func numbered(t *testing.T, texts []string) int {
	t.Helper()
	for i, text := range texts {
		if want := fmt.Sprintf("line %d", i+1); text != want {
			t.Fatalf("in place %d is %q, want %q", i, text, want)
		}
	}
	return len(texts)
}

// TestSpool streams lines through "add -" while the node is killed again and again: every line arrives
// once, in order, and none has to be kept any more.
func TestSpool(t *testing.T) {
	t.Parallel()
	rng := random.Source(t)
	m := newMachine(t, "spool", "--genesis", networkFile(t, "spool"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	m.start()
	lines, in := io.Pipe()
	add := m.command("add", "-")
	said := new(buffer)
	add.Stdin, add.Stdout, add.Stderr = lines, said, said
	if err := add.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- add.Wait() }()
	kills, kept := 0, 0
	written := 0
	write := func(n int) {
		for range n {
			written++
			if _, err := fmt.Fprintf(in, "line %d\n", written); err != nil {
				t.Fatal(err)
			}
			if written%50 == 0 {
				time.Sleep(5 * time.Millisecond)
			}
		}
	}
	for range 3 * *scale {
		write(500 + rng.IntN(500))
		m.kill()
		kills++
		write(500)
		m.eventually("lines are kept", func() error {
			if m.spooled() == 0 {
				return fmt.Errorf("there is no spool")
			}
			return nil
		})
		kept++
		m.launch()
		write(500) // while it starts
		m.ready()
	}
	in.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("add: %v\n%s", err, said)
		}
	case <-time.After(patience):
		_ = add.Process.Kill()
		t.Fatalf("add does not end\n%s", said)
	}
	if n := numbered(t, m.unprocessed()); n != written || m.spooled() != 0 {
		t.Errorf("%d lines arrived, want %d; %d bytes are kept", n, written, m.spooled())
	}
	t.Logf("%d lines through %d kills, %d times with lines kept", written, kills, kept)
}

// TestSpoolOfKilled kills the process that keeps lines, with the node away and with the node there: what
// comes out is all lines up to some one, each once, in order; and nothing that was kept is missing.
func TestSpoolOfKilled(t *testing.T) {
	t.Parallel()
	rng := random.Source(t)
	m := newMachine(t, "spooler", "--genesis", networkFile(t, "spooler"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	m.start()
	next, kept := 1, 0
	for round := range 6 * *scale {
		away := round%2 == 1
		if away {
			m.kill()
		}
		lines, in := io.Pipe()
		add := m.command("add", "-")
		add.Stdin = lines
		if err := add.Start(); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(time.Duration(200+rng.IntN(400)) * time.Millisecond)
		for i := next; time.Now().Before(end) || away && m.spooled() == 0 && i < next+10_000; i++ { // however slow the machine is
			fmt.Fprintf(in, "line %d\n", i)
			time.Sleep(time.Millisecond)
		}
		_ = add.Process.Kill()
		in.Close()
		_ = add.Wait()
		if m.spooled() > 0 {
			kept++
		}
		if away {
			m.start()
		}
		if out, err := m.run(nil, "add", "--flush"); err != nil {
			t.Fatalf("flush: %v\n%s", err, out)
		}
		if left := m.spooled(); left != 0 {
			t.Fatalf("%d bytes stay", left)
		}
		n := numbered(t, m.unprocessed())
		if n < next-1 {
			t.Fatalf("%d lines, and there were %d", n, next-1)
		}
		next = n + 1
	}
	if kept == 0 {
		t.Error("void: no process that was killed had kept anything")
	}
	t.Logf("%d lines, of %d processes that were killed %d had kept some", next-1, 6**scale, kept)
}

// TestSpoolWithoutAnswers has a node take lines and its answers get lost, so that the lines are sent again:
// each is there once.
func TestSpoolWithoutAnswers(t *testing.T) {
	t.Parallel()
	rng := random.Source(t)
	m := newMachine(t, "mute", "--genesis", networkFile(t, "mute"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	m.start()
	lost := 0 // one request at a time
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, err := http.NewRequestWithContext(r.Context(), r.Method, m.url+r.URL.RequestURI(), r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		own.Header = r.Header.Clone()
		answer, err := m.http.Do(own)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("status %d, %v: %s", answer.StatusCode, err, text)
		}
		if lost < 3 || rng.IntN(3) == 0 { // three at least, however few groups a slow machine makes
			lost++
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(text) // who asked may be gone
	}))
	defer between.Close()
	lines, in := io.Pipe()
	const all = 400
	go func() {
		for i := range all {
			fmt.Fprintf(in, "line %d\n", i+1)
			if i%10 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		in.Close()
	}()
	out, err := m.run(lines, "add", "-", "--api", between.URL, "--timeout", patience.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := numbered(t, m.unprocessed()); n != all {
		t.Errorf("%d lines, want %d", n, all)
	}
	if lost < 3 {
		t.Errorf("void: %d answers were lost", lost)
	}
	t.Logf("%d answers were lost", lost)
}

// TestSpoolOfTwo has two programs write at once while the node is away, and one more flush both.
func TestSpoolOfTwo(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "two", "--genesis", networkFile(t, "two"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	done := make(chan string, 2)
	var inputs []*io.PipeWriter
	for _, name := range []string{"a", "b"} {
		lines, in := io.Pipe()
		inputs = append(inputs, in)
		go func() {
			_, err := m.run(lines, "add", "-")
			done <- fmt.Sprint(err)
		}()
		for i := range 300 {
			fmt.Fprintf(in, "%s %d \xff\x00\x1b[31m\r\n", name, i)
		}
	}
	m.eventually("both keep lines", func() error {
		if files, _ := filepath.Glob(filepath.Join(m.dir, "spool", "*.spool")); len(files) != 2 {
			return fmt.Errorf("there are %d spools", len(files))
		}
		return nil
	})
	for _, in := range inputs {
		in.Close()
	}
	for range 2 {
		if got := <-done; !strings.Contains(got, "exit status 3") || !strings.Contains(got, "300 lines wait") {
			t.Errorf("%s", got)
		}
	}
	m.start()
	out, err := m.run(nil, "add", "--flush")
	if err != nil || out != "600 messages added\n" {
		t.Errorf("flush: %v, %q", err, out)
	}
	if n := len(m.unprocessed()); n != 600 {
		t.Errorf("%d lines, want 600", n)
	}
}
