//go:build linux

package integration

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// rss returns the resident memory of a machine's node in MiB, and the most that it had.
func (m *machine) rss() (now, peak float64) {
	m.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.cmd.Process.Pid))
	if err != nil {
		m.t.Fatal(err)
	}
	field := func(name string) float64 {
		match := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
		if match == nil {
			m.t.Fatalf("no %s in the status of the process", name)
		}
		kib, err := strconv.ParseFloat(string(match[1]), 64)
		if err != nil {
			m.t.Fatal(err)
		}
		return kib / 1024
	}
	return field("VmRSS"), field("VmHWM")
}

// BenchmarkNode pipes 100,000 lines into a node with the command line, waits until all are sealed,
// and reads its memory.
func BenchmarkNode(b *testing.B) {
	const lines = 100_000
	for range b.N {
		m := newMachine(b, "node", "--genesis", networkFile(b, "bench"), "--no-mdns", "--listen", anyPort)
		m.start()
		fresh, _ := m.rss()
		file, want := logLines(lines)
		started := time.Now()
		if _, err := m.run(bytes.NewReader(file), "add", "-"); err != nil {
			b.Fatal(err)
		}
		accepted := time.Since(started)
		agree(b, m)
		sealed := time.Since(started)
		now, peak := m.rss()
		b.ReportMetric(float64(len(want))/accepted.Seconds(), "accepted/s")
		b.ReportMetric(float64(len(want))/sealed.Seconds(), "sealed/s")
		b.ReportMetric(fresh, "MiB-fresh")
		b.ReportMetric(now, "MiB-after")
		b.ReportMetric(peak, "MiB-peak")
		m.stop()
	}
}

// BenchmarkFourNodes pipes 5,000 lines into one of four nodes on loopback and waits until all agree.
func BenchmarkFourNodes(b *testing.B) {
	for range b.N {
		genesis := networkFile(b, "bench")
		first := newMachine(b, "first", "--genesis", genesis, "--no-mdns", "--listen", anyPort)
		first.start()
		nodes := []*machine{first}
		for i := range 3 {
			m := newMachine(b, fmt.Sprint("node", i), "--genesis", genesis, "--no-mdns", "--listen", anyPort, first.joinFlag())
			m.start()
			nodes = append(nodes, m)
		}
		eventually(b, "all are connected", func() error {
			if n, err := first.peers(); err != nil || n != 3 {
				return fmt.Errorf("%d peers, %w", n, err)
			}
			return nil
		})
		file, want := logLines(5100)
		started := time.Now()
		if _, err := nodes[1].run(bytes.NewReader(file), "add", "-"); err != nil {
			b.Fatal(err)
		}
		agree(b, nodes...)
		b.ReportMetric(float64(len(want))/time.Since(started).Seconds(), "agreed/s")
		b.ReportMetric(time.Since(started).Seconds(), "s-to-agree")
		for _, m := range nodes {
			m.stop()
		}
	}
}
