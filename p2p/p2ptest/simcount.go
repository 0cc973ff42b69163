package p2ptest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// SimCounts say what happened on a simulated network. A test of faults checks them by Happened, since a run
// without faults proves nothing.
type SimCounts struct {
	Sent       int   // packets
	Bytes      int64 // of those
	Delivered  int   // packets, copies included
	Lost       int   // by Links.Loss
	Duplicated int   // second copies that arrived
	Reordered  int   // packets that arrived after one that was sent later on the same link
	Cut        int   // by a partition
	Overflowed int   // before a narrow uplink
	Dead       int   // from or to a seat without a host
	Partitions int
	Crashes    int
	Restarts   int
}

// faults are the counts that Happened knows.
func (c *SimCounts) faults() map[string]int {
	return map[string]int{
		"lost": c.Lost, "duplicated": c.Duplicated, "reordered": c.Reordered, "cut": c.Cut, "overflowed": c.Overflowed,
		"dead": c.Dead, "partitions": c.Partitions, "crashes": c.Crashes, "restarts": c.Restarts,
	}
}

// String lists the counts in a line.
func (c SimCounts) String() string {
	return fmt.Sprintf("%d packets of %d bytes sent, %d delivered, %d lost, %d duplicated, %d reordered, %d cut, %d overflowed, %d dead; "+
		"%d partitions, %d crashes, %d restarts",
		c.Sent, c.Bytes, c.Delivered, c.Lost, c.Duplicated, c.Reordered, c.Cut, c.Overflowed, c.Dead, c.Partitions, c.Crashes, c.Restarts)
}

// Counts returns what happened so far.
func (s *SimNet) Counts() SimCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

func (s *SimNet) count(more func(*SimCounts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	more(&s.counts)
}

// Happened fails the test unless each of these faults happened at least so often: lost, duplicated,
// reordered, cut, overflowed, dead (packets), partitions, crashes, restarts.
func (s *SimNet) Happened(least int, faults ...string) {
	s.t.Helper()
	counts := s.Counts()
	known := counts.faults()
	for _, fault := range faults {
		n, ok := known[fault]
		if !ok {
			s.t.Fatalf("no fault %q, there are %v", fault, slices.Sorted(maps.Keys(known)))
		}
		if n < least {
			s.t.Errorf("the run is void: %d %s, want at least %d", n, fault, least)
		}
	}
}

// Bytes returns how many bytes of QUIC one seat sent to another so far, lost ones included. An UDP
// packet has 28 more for its own headers.
func (s *SimNet) Bytes(from, to int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pipe(simPath{simIP(from), simIP(to)}).bytes
}

// Random returns a source of random numbers for a purpose, the same for each seed.
func (s *SimNet) Random(purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, purpose))
}

// Within waits in virtual time until a condition holds and returns how long that took. It ends the
// test after limit.
func (s *SimNet) Within(limit time.Duration, what string, holds func() bool) time.Duration {
	s.t.Helper()
	took, ok := s.Wait(limit, holds)
	if !ok {
		s.t.Fatalf("after %v: not %s (%v)", limit, what, s.Counts())
	}
	return took
}

// Wait is Within for those who know more to say of a failure. It looks 2,000 times.
func (s *SimNet) Wait(limit time.Duration, holds func() bool) (took time.Duration, ok bool) {
	for begin := time.Now(); ; time.Sleep(limit / 2000) {
		if took = time.Since(begin); holds() {
			return took, true
		}
		if took > limit {
			return took, false
		}
	}
}
