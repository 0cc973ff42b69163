package p2ptest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// An arrival is a packet that came out of a simulated network.
type arrival struct {
	number uint32
	at     time.Duration
}

// pour sends numbered packets of 100 bytes between two sockets, one a millisecond, and returns what
// arrives within 5 s more.
func pour(t *testing.T, s *SimNet, count int, midway func()) []arrival {
	t.Helper()
	at := func(i int) *net.UDPAddr { return net.UDPAddrFromAddrPort(netip.AddrPortFrom(simIP(i), simPort)) }
	from, to := s.plug(at(0)), s.plug(at(1))
	defer from.Close()
	var got []arrival
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for {
			n, sender, err := to.ReadFrom(b)
			if err != nil {
				return
			}
			if n != 100 || sender.String() != from.LocalAddr().String() {
				t.Errorf("%d bytes from %v", n, sender)
			}
			got = append(got, arrival{binary.BigEndian.Uint32(b), s.Elapsed()})
		}
	}()
	packet := make([]byte, 100)
	for i := range count {
		if i == count/2 {
			midway()
		}
		binary.BigEndian.PutUint32(packet, uint32(i))
		if _, err := from.WriteTo(packet, to.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(5 * time.Second)
	to.Close()
	<-done
	return got
}

// bubble runs f with a network of these links and returns what it counted.
func bubble(t *testing.T, seed uint64, links Links, f func(*testing.T, *SimNet)) (counts SimCounts) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := Sim(t, seed, links)
		f(t, s)
		counts = s.Counts()
	})
	return counts
}

func TestSimLatency(t *testing.T) {
	bubble(t, 1, Links{Latency: 40 * time.Millisecond, Spread: 20 * time.Millisecond}, func(t *testing.T, s *SimNet) {
		got := pour(t, s, 1000, func() {})
		if len(got) != 1000 {
			t.Fatalf("%d packets of 1000 arrived", len(got))
		}
		first := got[0].at
		for i, a := range got {
			if want := first + time.Duration(i)*time.Millisecond; int(a.number) != i || a.at != want {
				t.Fatalf("packet %d came as number %d at %v, want %v", i, a.number, a.at, want)
			}
		}
		if first < 40*time.Millisecond || first > 60*time.Millisecond {
			t.Errorf("a packet took %v, want 40 to 60 ms", first)
		}
	})
}

// TestSimFaults holds that every kind of fault happens as often as it should, is counted as often as
// it happened, and comes again with the same seed.
func TestSimFaults(t *testing.T) {
	links := Links{Latency: 20 * time.Millisecond, Loss: 0.1, Duplicate: 0.05, Reorder: 0.05}
	var runs [3][]arrival
	for i, seed := range []uint64{7, 7, 8} {
		counts := bubble(t, seed, links, func(t *testing.T, s *SimNet) { runs[i] = pour(t, s, 10000, func() {}) })
		seen := make(map[uint32]int)
		late := 0
		highest := uint32(0)
		for _, a := range runs[i] {
			if seen[a.number]++; seen[a.number] == 1 && a.number < highest {
				late++
			}
			highest = max(highest, a.number)
		}
		twice := len(runs[i]) - len(seen)
		for _, tt := range []struct {
			what                      string
			happened, counted, around int
		}{
			{"lost", 10000 - len(seen), counts.Lost, 1000},
			{"duplicated", twice, counts.Duplicated, 450},
			{"reordered", late, counts.Reordered, 450},
		} {
			if tt.happened != tt.counted || tt.happened < tt.around*8/10 || tt.happened > tt.around*12/10 {
				t.Errorf("%d %s, %d counted, want about %d", tt.happened, tt.what, tt.counted, tt.around)
			}
		}
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Error("the same seed gave other faults")
	}
	if slices.Equal(runs[0], runs[2]) {
		t.Error("another seed gave the same faults")
	}
}

func TestSimPartition(t *testing.T) {
	counts := bubble(t, 1, Links{Latency: 20500 * time.Microsecond}, func(t *testing.T, s *SimNet) {
		got := pour(t, s, 1000, func() { s.Partition([]int{1}) })
		if len(got) != 480 { // 20 packets were on their way
			t.Errorf("%d packets arrived, want the 480 that had arrived before the cut", len(got))
		}
		s.Heal()
		if again := pour(t, s, 10, func() {}); len(again) != 10 {
			t.Errorf("%d packets of 10 arrived after the cut", len(again))
		}
	})
	if counts.Cut != 520 || counts.Partitions != 1 {
		t.Errorf("%d packets cut in %d partitions, want 520 in 1", counts.Cut, counts.Partitions)
	}
}

// TestSimUplink holds that a narrow uplink takes its time and, once its queue is full, drops.
func TestSimUplink(t *testing.T) {
	const rate = 400_000 // 2 ms for 100 bytes, which come every 1 ms
	counts := bubble(t, 1, Links{BitsPerSecond: rate}, func(t *testing.T, s *SimNet) {
		got := pour(t, s, 1000, func() {})
		if gap := got[1].at - got[0].at; gap != 2*time.Millisecond {
			t.Errorf("%v between two packets, want 2ms", gap)
		}
		if len(got) < 590 || len(got) > 610 {
			t.Errorf("%d packets arrived, want the 500 of 1 s and about 100 of the queue", len(got))
		}
	})
	if counts.Overflowed == 0 || counts.Overflowed+counts.Delivered != 1000 {
		t.Errorf("%d overflowed, %d delivered of 1000", counts.Overflowed, counts.Delivered)
	}
}
