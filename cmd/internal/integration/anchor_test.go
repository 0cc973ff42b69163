//go:build linux

package integration

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"p2pchain/core/coretest/random"
)

// An ackedAnchor is what a follower printed of an anchor that the node has.
type ackedAnchor struct {
	Generation string
	Sequence   uint64
	Length     uint64
	SHA256     string
	ID         string
}

// acked returns what the output of a follower says, but for a line that a kill cut short.
func acked(t *testing.T, out string) (list []ackedAnchor) {
	t.Helper()
	in := bufio.NewScanner(strings.NewReader(out))
	for in.Scan() {
		var a ackedAnchor
		if err := json.Unmarshal(in.Bytes(), &a); err == nil {
			list = append(list, a)
		}
	}
	return list
}

// anchorsOf returns the messages of all anchors that a node has, by generation and number.
func (m *machine) anchorsOf() map[string][]string {
	m.t.Helper()
	found := make(map[string][]string)
	for cursor := ""; ; {
		var page struct {
			Messages []struct{ ID, Message string }
			Next     string
		}
		if err := m.get("/api/v1/messages?type=application/vnd.p2pchain.anchor%2Bjson&limit=500&cursor="+cursor, &page); err != nil {
			m.t.Fatal(err)
		}
		for _, one := range page.Messages {
			var a ackedAnchor
			if err := json.Unmarshal([]byte(one.Message), &a); err != nil {
				m.t.Fatal(err)
			}
			name := fmt.Sprintf("%s %d", a.Generation, a.Sequence)
			found[name] = append(found[name], one.ID)
		}
		if cursor = page.Next; cursor == "" {
			return found
		}
	}
}

// writeLog appends lines until it is told to end, and rotates the log at times, by renaming or by copying
// and truncating. It returns all files that there are then.
func writeLog(t *testing.T, path string, rng *rand.Rand, end *atomic.Bool) (files []string, lines int) {
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			t.Error(err)
		}
		return f
	}
	f := open()
	for next := time.Now().Add(time.Second); !end.Load(); lines++ {
		fmt.Fprintf(f, "%s line %d of a log %x\n", time.Now().Format(time.RFC3339Nano), lines, rng.Uint64())
		time.Sleep(time.Duration(rng.IntN(2000)) * time.Microsecond)
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(time.Duration(500+rng.IntN(1000)) * time.Millisecond)
		old := fmt.Sprintf("%s.%d", path, len(files)+1)
		files = append(files, old)
		if rng.IntN(2) == 0 {
			os.Rename(path, old)
			f.Close()
			f = open()
			continue
		}
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(old, text, 0o644)
		}
		if err == nil {
			err = f.Truncate(0)
		}
		if err != nil {
			t.Error(err)
		}
	}
	f.Close()
	return append(files, path), lines
}

// TestAnchorKill kills a follower again and again, and its node at times, while a log is written and
// rotated: every anchor that was acknowledged is on the node, each once, and verify finds every byte
// that it vouches for, and a byte that is changed.
func TestAnchorKill(t *testing.T) {
	t.Parallel()
	seed := random.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 8))
	m := newMachine(t, "anchor", "--genesis", networkFile(t, "anchor"), "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0", "--mine", "off")
	m.start()
	log := filepath.Join(t.TempDir(), "app.log")
	follow := func() (*exec.Cmd, *buffer) {
		cmd, out := m.command("anchor", "--follow", "--interval", "20ms", "--json", log), new(buffer)
		cmd.Stdout = out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, out
	}
	var end atomic.Bool
	var files []string
	var lines int
	written := make(chan struct{})
	writerRNG := rand.New(rand.NewPCG(seed, 9))
	go func() {
		defer close(written)
		files, lines = writeLog(t, log, writerRNG, &end)
	}()
	var list []ackedAnchor
	kills, nodeKills, idle := 0, 0, 0
	for round := range 12 * *scale {
		cmd, out := follow()
		if round%4 == 2 {
			m.kill()
			nodeKills++
			time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
			m.start()
		}
		if round%2 == 1 { // however busy the machine is, every other one is killed at its work
			for tries := 0; tries < 1000 && !strings.Contains(out.String(), "\n"); tries++ {
				time.Sleep(20 * time.Millisecond)
			}
		}
		time.Sleep(time.Duration(50+rng.IntN(500)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		kills++
		got := acked(t, out.String())
		if len(got) == 0 {
			idle++
		}
		list = append(list, got...)
	}
	end.Store(true)
	<-written
	if out, err := m.run(nil, "anchor", "--json", log); err != nil {
		t.Fatal(err)
	} else {
		list = append(list, acked(t, out)...)
	}
	if idle > kills/2 || len(files) < 3 {
		t.Errorf("void: %d of %d followers anchored nothing; %d files", idle, kills, len(files))
	}
	m.eachOnce(list)
	m.vouched(files, list, rng)
	t.Logf("%d lines in %d files; %d followers killed, %d nodes; %d anchors", lines, len(files), kills, nodeKills, len(list))
}

// eachOnce checks that every acknowledged anchor is on the node, and none twice.
func (m *machine) eachOnce(list []ackedAnchor) {
	m.t.Helper()
	have := m.anchorsOf()
	for name, ids := range have {
		if len(ids) != 1 {
			m.t.Errorf("anchor %s is there %d times", name, len(ids))
		}
	}
	for _, a := range list {
		if ids := have[fmt.Sprintf("%s %d", a.Generation, a.Sequence)]; len(ids) != 1 || ids[0] != a.ID {
			m.t.Errorf("anchor %d of %s was acknowledged as %s and is %v", a.Sequence, a.Generation, a.ID, ids)
		}
	}
}

// vouched checks that every byte which was acknowledged as anchored is found in a file, that verify says
// so, and that it names the place of one that is changed.
func (m *machine) vouched(files []string, list []ackedAnchor, rng *rand.Rand) {
	m.t.Helper()
	longest := make(map[string]ackedAnchor)
	for _, a := range list {
		if a.Length > longest[a.Generation].Length {
			longest[a.Generation] = a
		}
	}
	texts := make(map[string][]byte)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			m.t.Fatal(err)
		}
		texts[path] = text
	}
	for generation, a := range longest {
		path := ""
		for name, text := range texts {
			if uint64(len(text)) < a.Length {
				continue
			}
			if sum := sha256.Sum256(text[:a.Length]); hex.EncodeToString(sum[:]) == a.SHA256 {
				path = name
			}
		}
		if path == "" {
			m.t.Errorf("generation %s: no file has the %d bytes that were anchored", generation, a.Length)
			continue
		}
		m.verified(path, generation, a.Length)
		changed := bytes.Clone(texts[path])
		at := rng.IntN(int(a.Length))
		changed[at] ^= 1
		m.altered(changed, generation, at)
	}
}

// A verified is what verify says, in short.
type verified struct {
	Verdict string
	Intact  uint64
	Ranges  []struct {
		State    string
		From, To uint64
	}
}

func (m *machine) verified(path, generation string, length uint64) {
	m.t.Helper()
	out, err := m.run(nil, "anchor", "verify", path, "--log", "app.log", "--generation", generation, "--json")
	var v verified
	if jsonErr := json.Unmarshal([]byte(out), &v); err != nil || jsonErr != nil || v.Verdict != "intact" || v.Intact < length {
		m.t.Errorf("%s, of which %d bytes were anchored: %v, %v, %s", path, length, err, jsonErr, out)
	}
}

func (m *machine) altered(text []byte, generation string, at int) {
	m.t.Helper()
	path := filepath.Join(m.t.TempDir(), "changed.log")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		m.t.Fatal(err)
	}
	out, err := m.run(nil, "anchor", "verify", path, "--log", "app.log", "--generation", generation, "--json")
	var v verified
	if jsonErr := json.Unmarshal([]byte(out), &v); err == nil || !strings.Contains(err.Error(), "exit status 19") || jsonErr != nil {
		m.t.Errorf("byte %d changed: %v, %v, %s", at, err, jsonErr, out)
	}
	for _, r := range v.Ranges {
		if inside := r.From <= uint64(at) && uint64(at) < r.To; inside != (r.State == "altered") {
			m.t.Errorf("byte %d changed, and bytes %d to %d are %s", at, r.From, r.To, r.State)
		}
	}
}
