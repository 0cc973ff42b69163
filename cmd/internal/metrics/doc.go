// Package metrics shows what the parts of a node count, to Prometheus.
//
// The parts know nothing of it: they have plain counters, which Sources reads at each scrape. One table
// (see families) names every metric, and docs/metrics.md is written from it. go-libp2p and the Go
// runtime put theirs into the same registry.
//
// No label takes a value that others choose. Peers, addresses, ids, paths and error texts never become
// labels, so the number of series is fixed when a node starts, whatever strangers do.
package metrics
