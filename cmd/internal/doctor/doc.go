// Package doctor looks for what keeps a node from working, and says what to do about it.
//
// Run examines the data directory, the network, the disk, the store, ports, clock, multicast, firewall
// and seeds that a node with the same settings would have, whether it runs or not. It changes nothing
// but for files of a moment: what it opens it closes, what it sends on the network asks for nothing.
// Each part of it takes seconds at most, however the world answers.
//
// A Finding is what was seen, why it matters, and what to do. Level says how bad it is; a program reads
// Check and Level, whose words never change their meaning.
package doctor
