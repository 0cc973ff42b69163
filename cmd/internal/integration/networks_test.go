//go:build linux

package integration

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const anyPort = "/ip4/127.0.0.1/tcp/0"

// TestClassicNetwork adds two messages under seed 1's rules: the proofs are those that seed 1 finds.
func TestClassicNetwork(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "classic", "--network", "classic", "--no-mdns", "--listen", anyPort)
	m.start()
	for _, text := range []string{"first", "second"} {
		if err := m.do("PUT", "/add?message="+text, "", "", nil); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, m)
	var reply struct {
		Chain []struct{ Proof *uint64 }
	}
	if err := m.get("/chain", &reply); err != nil {
		t.Fatal(err)
	}
	if len(reply.Chain) != 3 || reply.Chain[0].Proof != nil || *reply.Chain[1].Proof != 1406000 || *reply.Chain[2].Proof != 423135 {
		t.Errorf("chain of %d blocks, not with the proofs None, 1406000, 423135", len(reply.Chain))
	}
	m.stop()
}

// TestOtherNetwork points a node at one of another network: both go on, and each side has one log
// line that names the other's network.
func TestOtherNetwork(t *testing.T) {
	t.Parallel()
	first := newMachine(t, "first", "--genesis", networkFile(t, "apples"), "--no-mdns", "--listen", anyPort)
	first.start()
	second := newMachine(t, "second", "--genesis", networkFile(t, "pears"), "--no-mdns", "--listen", anyPort, first.joinFlag())
	second.start()
	line := func(m *machine, ours, theirs string) int {
		count := 0
		for l := range strings.SplitSeq(m.out.String(), "\n") {
			if strings.Contains(l, `"level":"WARN"`) && strings.Contains(l, ours) && strings.Contains(l, theirs) {
				count++
			}
		}
		return count
	}
	second.eventually("a line names both networks", func() error {
		if line(second, "pears", "apples") == 0 {
			return errors.New("not yet")
		}
		return nil
	})
	for _, m := range []*machine{first, second} {
		if n, err := m.peers(); err != nil || n != 0 {
			t.Errorf("%s has %d peers, %v", m.name, n, err)
		}
		if _, err := m.add("still here"); err != nil {
			t.Error(err)
		}
	}
	if n := line(second, "pears", "apples"); n != 1 {
		t.Errorf("%d lines name both networks, want one", n)
	}
}

// TestLateJoiner has a node come to a chain of many blocks, be killed in the middle of its sync, and
// come back.
func TestLateJoiner(t *testing.T) {
	t.Parallel()
	genesis := networkFile(t, "late")
	first := newMachine(t, "first", "--genesis", genesis, "--no-mdns", "--listen", anyPort)
	first.start()
	var want []string
	for i := range 60 {
		for k := range 20 {
			text := fmt.Sprintf("%d/%d", i, k)
			if _, err := first.add(text); err != nil {
				t.Fatal(err)
			}
			want = append(want, text)
		}
		agree(t, first)
	}
	if n := first.chain().Length; n < 60 {
		t.Fatalf("only %d blocks to sync", n)
	}
	late := newMachine(t, "late", "--genesis", genesis, "--no-mdns", "--listen", anyPort, first.joinFlag())
	late.start()
	late.kill()
	late.start()
	agree(t, first, late)
	checkTexts(t, late, want)
	late.stop()
	late.checkStore()
}

// TestFullDisk fills the disk under a node: writes are refused in words and reads go on, and both
// work again when there is space.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=400m"); err != nil {
		t.Skipf("a small disk needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	m := newMachine(t, "node", "--genesis", networkFile(t, "full"), "--no-mdns", "--listen", anyPort)
	m.dir = filepath.Join(disk, "node")
	m.start()
	var acked ledger
	write := func(text string) error {
		id, err := m.add(text)
		if err == nil {
			acked.note(id, text)
		}
		return err
	}
	if err := write("before"); err != nil {
		t.Fatal(err)
	}
	agree(t, m)
	filler := filepath.Join(disk, "filler")
	var free syscall.Statfs_t
	if err := syscall.Statfs(disk, &free); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, int(free.Bavail)*int(free.Bsize)-8<<20)
	if err := os.WriteFile(filler, block, 0o600); err != nil {
		t.Fatal(err)
	}
	m.eventually("writes are refused", func() error {
		err := write("while full")
		if err == nil || !strings.Contains(err.Error(), "507") {
			return fmt.Errorf("got %v, want status 507", err)
		}
		return nil
	})
	if n := m.chain().Length; n < 2 {
		t.Errorf("chain of %d blocks while the disk is full", n)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	m.eventually("writes are accepted again", func() error { return write("after") })
	agree(t, m)
	if lost, twice := acked.missing(t, m); len(lost) > 0 || len(twice) > 0 {
		t.Errorf("lost %v, twice %v", lost, twice)
	}
	m.stop()
	m.checkStore()
}

// TestMajority adds data as seed 2 does: alone it is refused, with peers they are asked.
func TestMajority(t *testing.T) {
	t.Parallel()
	genesis := networkFile(t, "votes")
	first := newMachine(t, "first", "--genesis", genesis, "--no-mdns", "--listen", anyPort)
	first.start()
	post := func(m *machine, body string) bool {
		t.Helper()
		var r struct {
			Status string
			Data   bool
		}
		if err := m.do("POST", "/data", "", body, &r); err != nil || r.Status != "OK" {
			t.Fatalf("%s: %+v, %v", m.name, r, err)
		}
		return r.Data
	}
	if post(first, `{"data":"alone"}`) {
		t.Error("a lone node agreed with itself")
	}
	nodes := []*machine{first}
	for _, name := range []string{"second", "third"} {
		m := newMachine(t, name, "--genesis", genesis, "--no-mdns", "--listen", anyPort, first.joinFlag())
		m.start()
		nodes = append(nodes, m)
	}
	first.eventually("has two peers", func() error {
		if n, err := first.peers(); err != nil || n != 2 {
			return fmt.Errorf("%d peers, %w", n, err)
		}
		return nil
	})
	if !post(first, `{"data":"three agree"}`) || !post(first, `{"data":{"b":[1, 2],"a":null}}`) {
		t.Error("the peers did not agree")
	}
	agree(t, nodes...)
	for _, m := range nodes {
		checkTexts(t, m, []string{"three agree", `{"b":[1,2],"a":null}`})
	}
	nodes[1].kill()
	nodes[2].kill()
	if post(first, `{"data":"nobody there"}`) {
		t.Error("dead peers agreed")
	}
	checkTexts(t, first, []string{"three agree", `{"b":[1,2],"a":null}`})
}
