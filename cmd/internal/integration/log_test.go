//go:build linux

package integration

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"p2pchain/core"
)

// networkFile writes a network for tests: blocks about every half second on one core.
func networkFile(t testing.TB, name string, edit ...func(*core.Params)) string {
	t.Helper()
	p, _ := core.Builtin("main")
	p.Name, p.Text, p.Difficulty, p.BlockIntervalMS = name, "a chain for a test", 4, 500
	for _, f := range edit {
		f(&p)
	}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".json")
	if err := os.WriteFile(path, p.Encode(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A chainReply is the answer of GET /chain.
type chainReply struct {
	Chain []struct {
		Index int    `json:"index"`
		Hash  string `json:"hash"`
		Data  []struct {
			ID      string  `json:"id"`
			Message *string `json:"message"`
			Base64  string  `json:"base64"`
		} `json:"data"`
	} `json:"chain"`
	Length int `json:"length"`
}

// texts returns the payloads of all messages of the chain, in order, without genesis' text.
func (r *chainReply) texts(t testing.TB) []string {
	t.Helper()
	var out []string
	for _, b := range r.Chain[1:] {
		for _, d := range b.Data {
			if d.Message != nil {
				out = append(out, *d.Message)
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(d.Base64)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, string(raw))
		}
	}
	return out
}

func (m *machine) chain() chainReply {
	m.t.Helper()
	var r chainReply
	if err := m.get("/chain", &r); err != nil {
		m.t.Fatalf("%s: %v", m.name, err)
	}
	if r.Length != len(r.Chain) || r.Length == 0 {
		m.t.Fatalf("%s: length %d of %d blocks", m.name, r.Length, len(r.Chain))
	}
	return r
}

// waiting returns how many messages wait on the machine.
func (m *machine) waiting() (int, error) {
	var r struct {
		Length int `json:"length"`
	}
	var d struct {
		Unprocessed []struct{ ID string } `json:"unprocessed"`
	}
	if err := m.get("/data", &d); err != nil {
		return 0, err
	}
	r.Length = len(d.Unprocessed)
	return r.Length, nil
}

// tip returns the hash of the machine's last block.
func (m *machine) tip() (string, error) {
	var r struct {
		Hash string `json:"hash"`
	}
	err := m.get("/api/v1/blocks/tip", &r)
	return r.Hash, err
}

// peers returns how many peers the machine's node has past hello.
func (m *machine) peers() (int, error) {
	var r struct{ Count int }
	err := m.get("/api/v1/peers", &r)
	return r.Count, err
}

// agree waits until all machines have one tip and nothing waits anywhere, twice in a row: a message
// that is just being sealed waits no longer while its block is not the tip yet.
func agree(t testing.TB, machines ...*machine) {
	t.Helper()
	before := ""
	eventually(t, "all nodes agree", func() error {
		first := ""
		for _, m := range machines {
			tip, err := m.tip()
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			waiting, err := m.waiting()
			if err != nil {
				return fmt.Errorf("%s: %w", m.name, err)
			}
			if first == "" {
				first = tip
			}
			if tip != first || waiting > 0 {
				return fmt.Errorf("%s: tip %.12s, want %.12s; %d messages wait", m.name, tip, first, waiting)
			}
		}
		if before != first {
			before = first
			return fmt.Errorf("tip %.12s, for the first time", first)
		}
		return nil
	})
}

// joinFlag is the --bootstrap flag by which others join this machine.
func (m *machine) joinFlag() string {
	m.t.Helper()
	var r struct {
		Addresses []string `json:"addresses"`
	}
	if err := m.get("/api/v1/node", &r); err != nil || len(r.Addresses) == 0 {
		m.t.Fatalf("%s: addresses %v, %v", m.name, r.Addresses, err)
	}
	return "--bootstrap=" + r.Addresses[0]
}

// logLines makes a log like those of real machines: repeated lines, empty ones, long ones, bytes
// that are no UTF-8.
func logLines(count int) (file []byte, want []string) {
	for i := range count {
		line := fmt.Sprintf("2026-11-21 14:%02d:%02d status installed package-%d:amd64 1.%d-%d", i/60%60, i%60, i%97, i%13, i%7)
		switch {
		case i%50 == 7:
			line = ""
		case i%50 == 8:
			line = "startup archives unpack" // many times the same
		case i%50 == 9:
			line = fmt.Sprintf("latin-1: caf\xe9 %d", i)
		case i%50 == 10:
			line = fmt.Sprintf("ein Gruß, 你好, \u202eabc %d\ttab \"quotes\" \\ <b>", i)
		case i%500 == 11:
			line = strings.Repeat("long ", 2000) + fmt.Sprint(i)
		}
		file = append(append(file, line...), '\n')
		if line != "" {
			want = append(want, line)
		}
	}
	return file, want
}

// checkTexts wants exactly these messages, each as often as it was added, in any order.
func checkTexts(t testing.TB, m *machine, want []string) {
	t.Helper()
	reply := m.chain()
	got := reply.texts(t)
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	count := make(map[string]int)
	for _, s := range want {
		count[s]++
	}
	for _, s := range got {
		count[s]--
	}
	shown := 0
	for s, n := range count {
		if n != 0 && shown < 5 {
			t.Errorf("%s: %.80q is there %d times too few", m.name, s, n)
			shown++
		}
	}
	t.Errorf("%s: %d messages on the chain, want %d", m.name, len(got), len(want))
}

// TestLogFile is the main job: three nodes on one machine that know each other by --bootstrap, a
// fourth on another machine of the LAN that is started without any flag but the network, a log file
// piped into one of them, and a fifth node that comes late.
func TestLogFile(t *testing.T) {
	t.Parallel()
	l := newLAN(t, 2)
	genesis := networkFile(t, "logs")
	node := func(name string, host int, args ...string) *machine {
		m := newMachine(t, name, append([]string{"--genesis", genesis}, args...)...)
		m.ns = l.hosts[host]
		m.start()
		return m
	}
	first := node("first", 0)
	join := first.joinFlag()
	second, third := node("second", 0, join, "--no-mdns"), node("third", 0, join, "--no-mdns")
	fourth := node("fourth", 1)
	nodes := []*machine{first, second, third, fourth}
	for _, m := range nodes {
		m.eventually("has peers", func() error {
			if n, err := m.peers(); err != nil || n == 0 {
				return fmt.Errorf("%d peers, %w", n, err)
			}
			return nil
		})
	}

	file, want := logLines(5100 * *scale)
	started := time.Now()
	if _, err := second.run(bytes.NewReader(file), "add", "-"); err != nil {
		t.Fatal(err)
	}
	accepted := time.Since(started)
	agree(t, nodes...)
	t.Logf("%d lines: accepted after %v, sealed and agreed by 4 nodes after %v (%.0f messages/s), %d blocks, %d bytes",
		len(want), accepted.Round(time.Millisecond), time.Since(started).Round(time.Millisecond),
		float64(len(want))/time.Since(started).Seconds(), first.chain().Length, len(file))
	for _, m := range nodes {
		checkTexts(t, m, want)
	}
	late := node("late", 1, "--no-mdns", "--bootstrap=http://"+strings.TrimPrefix(fourth.url, "http://"))
	agree(t, append(nodes, late)...)
	checkTexts(t, late, want)
	invalid := slices.IndexFunc(want, func(s string) bool { return !utf8.ValidString(s) })
	if invalid < 0 {
		t.Fatal("no line was hard")
	}
	for _, m := range append(nodes, late) {
		m.stop()
	}
}
