package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// A kind is a type of metric.
type kind string

const (
	gauge     kind = "gauge"
	counter   kind = "counter"
	histogram kind = "histogram"
)

// A family is a metric with all its series. What it shows is read from a snapshot S of a part.
type family[S any] struct {
	name   string
	kind   kind
	help   string
	labels []string
	read   func(s S, out *series)
}

// One is a family of a single series.
func one[S any](name string, k kind, help string, read func(S) float64) family[S] {
	return family[S]{name, k, help, nil, func(s S, out *series) { out.value(read(s)) }}
}

// Series takes the series of one family.
type series struct {
	desc *prometheus.Desc
	kind kind
	out  chan<- prometheus.Metric
}

// value adds a series with these values of the family's labels.
func (s *series) value(v float64, labels ...string) {
	t := prometheus.GaugeValue
	if s.kind == counter {
		t = prometheus.CounterValue
	}
	s.out <- prometheus.MustNewConstMetric(s.desc, t, v, labels...)
}

// buckets adds a histogram. Counts has one number more than there are bounds, for all above.
func (s *series) buckets(bounds []float64, counts []uint64, sum float64, labels ...string) {
	var total uint64
	upTo := make(map[float64]uint64, len(bounds))
	for i, n := range counts {
		total += n
		if i < len(bounds) {
			upTo[bounds[i]] = total
		}
	}
	s.out <- prometheus.MustNewConstHistogram(s.desc, total, sum, upTo, labels...)
}

// A part is the families of one part of the node, which share a snapshot.
type part[S any] struct {
	title    string
	snapshot func() (S, bool) // false: there is nothing to show
	families []family[S]
}

// collector returns what a registry asks.
func (p part[S]) collector() prometheus.Collector {
	c := collector[S]{part: p}
	for _, f := range p.families {
		c.descs = append(c.descs, prometheus.NewDesc(f.name, f.help, f.labels, nil))
	}
	return c
}

// A collector is a part as a registry wants it.
type collector[S any] struct {
	part  part[S]
	descs []*prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c collector[S]) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector[S]) Collect(out chan<- prometheus.Metric) {
	s, ok := c.part.snapshot()
	if !ok {
		return
	}
	for i, f := range c.part.families {
		f.read(s, &series{c.descs[i], f.kind, out})
	}
}

// A table is a part whatever its snapshot is.
type table interface {
	collector() prometheus.Collector
	rows() (title string, rows []row)
}

// A row describes one metric.
type row struct {
	name, help string
	kind       kind
	labels     []string
}

// rows describes the families for the documentation.
func (p part[S]) rows() (string, []row) {
	var out []row
	for _, f := range p.families {
		out = append(out, row{f.name, f.help, f.kind, f.labels})
	}
	return p.title, out
}
