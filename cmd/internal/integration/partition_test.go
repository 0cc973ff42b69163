//go:build linux

package integration

import (
	"fmt"
	"testing"
	"time"
)

// TestPartitionHeals cuts a LAN of five nodes into two and three, writes to and mines on both sides,
// joins the LAN again, and wants one tip everywhere with every message once.
func TestPartitionHeals(t *testing.T) {
	t.Parallel()
	l := newLAN(t, 5)
	genesis := networkFile(t, "islands")
	var nodes []*machine
	for i := range 5 {
		m := newMachine(t, fmt.Sprintf("node%d", i), "--genesis", genesis)
		m.ns = l.hosts[i]
		m.start()
		nodes = append(nodes, m)
	}
	peers := func(m *machine, want int) {
		t.Helper()
		m.eventually(fmt.Sprintf("%d peers", want), func() error {
			if n, err := m.peers(); err != nil || n != want {
				return fmt.Errorf("%d peers, %w", n, err)
			}
			return nil
		})
	}
	for _, m := range nodes {
		peers(m, 4)
	}
	var acked ledger
	write := func(label string, messages int, to ...*machine) {
		t.Helper()
		for i := range messages {
			text := fmt.Sprintf("%s %d", label, i)
			id, err := to[i%len(to)].add(text)
			if err != nil {
				t.Fatal(err)
			}
			acked.note(id, text)
		}
	}
	for round := range *scale {
		write(fmt.Sprint("together ", round), 50, nodes...)
		agree(t, nodes...)
		before := nodes[0].chain().Length

		l.plug(0, 1)
		l.plug(1, 1)
		small, large := nodes[:2], nodes[2:]
		for _, m := range small {
			peers(m, 1)
		}
		for _, m := range large {
			peers(m, 2)
		}
		for i := range 4 {
			write(fmt.Sprintf("small %d/%d", round, i), 40, small...)
			write(fmt.Sprintf("large %d/%d", round, i), 40, large...)
			agree(t, small...)
			agree(t, large...)
		}
		a, b := small[0].chain(), large[0].chain()
		if a.Length <= before || b.Length <= before || a.Chain[a.Length-1].Hash == b.Chain[b.Length-1].Hash {
			t.Fatalf("the partition did not happen: %d and %d blocks after %d", a.Length, b.Length, before)
		}
		l.plug(0, 0)
		l.plug(1, 0)
		healed := time.Now()
		agree(t, nodes...)
		t.Logf("round %d: islands of %d and %d blocks above %d agreed %v after the heal",
			round, a.Length-before, b.Length-before, before, time.Since(healed).Round(time.Millisecond))
		for _, m := range nodes {
			if lost, twice := acked.missing(t, m); len(lost) > 0 || len(twice) > 0 {
				t.Fatalf("%s: lost %d: %v; twice %d", m.name, len(lost), lost, len(twice))
			}
		}
	}
	for _, m := range nodes {
		m.stop()
		m.checkStore()
	}
}
