// Package miner seals waiting messages into blocks: it keeps a block template for the best chain's
// tip, searches a nonce for it, and hands the sealed block to whoever submits it.
//
// The node's own work comes before the search. Three things see to that, and
// without any of them the process can freeze for seconds: each search thread is locked to its OS
// thread, which runs at the lowest priority (on Linux); GOMAXPROCS is raised by the number of search
// threads, so that they take no processor away from the rest (cmd does that: see background.Procs); and the
// search makes a call that checks the stack about every 4,000 tries, within 0.1 ms on a machine with
// SHA instructions, so that the runtime can stop it, for example to collect garbage.
package miner
