// Package p2ptest wires whole nodes on loopback for tests, and peers that do what no honest one
// would.
//
// A Node is everything between a host and a store, without the table of peers and its hellos: Connect
// tells both sides of each other. Whatever cannot be done ends the test, and so does every part that
// ends with an error.
//
// Where time, loss or power cuts matter, Sim is a simulated network in virtual time, for hosts of any kind.
// The whole nodes on it, with their stores and seeds, are in the tests of p2p/simtest.
package p2ptest
