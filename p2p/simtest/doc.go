// Package simtest has tests of whole networks: real nodes on simulated QUIC links in virtual time
// (p2ptest.Sim), with figures that must hold, faults that must have happened, and hostile peers.
//
// go test runs them in small. With P2PCHAIN_LONG=1 in the environment, as make soak and make chaos set
// it, they have the sizes of the figures in docs/benchmarks.md. What a seed of package coretest/random fixes is
// in the docs of p2ptest.SimNet, and besides that the times of simulated miners, and what a power cut
// leaves of unsynced writes.
package simtest
