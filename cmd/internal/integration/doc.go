// Package integration holds the tests of whole nodes: the real binary, started as a user starts it,
// on loopback or in network namespaces of its own.
package integration
