package api

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// A RouteStats says how requests of one route were answered since the start.
type RouteStats struct {
	Pattern string // of the route table; RouteOther for what is in no line of it
	Method  string // as registered, so HEAD counts as GET; empty for RouteOther
	// Classes holds how many answers had a status of each class: Classes[2] are those with 2xx. Answers
	// that were cut off count in Classes[0].
	Classes [6]uint64
	// Took counts answers by duration: Took[i] are those of at most DurationBuckets()[i] that fit into no
	// bucket before, and the last one is for all that took longer.
	Took    []uint64
	Seconds float64 // sum of the durations
}

// RouteOther stands for all requests that no line of the route table answered: unknown paths, methods
// that a path does not have, and what was refused before it was looked up. Strangers choose paths, so
// these must not be counted one by one.
const RouteOther = "other"

// Stats say what the API does and did.
type Stats struct {
	Routes []RouteStats // of every line of the route table, then RouteOther
	// Reads, Streams, Waits and Listeners are how many requests read, stream an answer of unbounded length,
	// wait for a confirmation, and follow the events now.
	Reads, Streams, Waits, Listeners int
}

// DurationBuckets returns the upper bounds of RouteStats.Took, in seconds.
func DurationBuckets() []float64 {
	return []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
}

// A routeKey is a line of the route table; the zero one is RouteOther.
type routeKey struct{ pattern, method string }

// compare sorts by pattern and method, with RouteOther at the end.
func (k routeKey) compare(other routeKey) int {
	if (k.method == "") != (other.method == "") {
		return cmp.Compare(len(other.method), len(k.method))
	}
	return cmp.Or(cmp.Compare(k.pattern, other.pattern), cmp.Compare(k.method, other.method))
}

// A routeCounter counts the requests of one route.
type routeCounter struct {
	classes [6]atomic.Uint64
	took    []atomic.Uint64
	nanos   atomic.Int64
}

// newRouteCounters makes a counter for each line of the route table and for RouteOther, once for all:
// nothing that strangers send makes another one.
func newRouteCounters() map[routeKey]*routeCounter {
	made := make(map[routeKey]*routeCounter)
	add := func(k routeKey) { made[k] = &routeCounter{took: make([]atomic.Uint64, len(DurationBuckets())+1)} }
	for _, r := range routes() {
		add(routeKey{r.pattern, r.method})
	}
	add(routeKey{RouteOther, ""})
	return made
}

// count notes that a request has ended, perhaps by a panic.
func (s *Server) count(w *response, took time.Duration, panicked any) {
	c := s.stats[w.route]
	if c == nil {
		c = s.stats[routeKey{RouteOther, ""}]
	}
	class := w.status / 100
	switch {
	case panicked == http.ErrAbortHandler:
		class = 0
	case panicked != nil:
		class = 5
	}
	if class < len(c.classes) {
		c.classes[class].Add(1)
	}
	at, _ := slices.BinarySearch(DurationBuckets(), took.Seconds())
	c.took[at].Add(1)
	c.nanos.Add(int64(took))
}

// Stats returns the counters. It is safe for concurrent use and never waits.
func (s *Server) Stats() Stats {
	out := Stats{Reads: s.reads.len(), Streams: s.streams.len(), Waits: s.waits.len(), Listeners: len(s.listeners)}
	for _, key := range slices.SortedFunc(maps.Keys(s.stats), routeKey.compare) {
		c := s.stats[key]
		r := RouteStats{Pattern: key.pattern, Method: key.method, Took: make([]uint64, len(c.took))}
		for i := range r.Classes {
			r.Classes[i] = c.classes[i].Load()
		}
		for i := range r.Took {
			r.Took[i] = c.took[i].Load()
		}
		r.Seconds = time.Duration(c.nanos.Load()).Seconds()
		out.Routes = append(out.Routes, r)
	}
	return out
}
