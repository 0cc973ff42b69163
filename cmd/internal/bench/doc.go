// Package bench measures what this machine can do as a node, with the code that nodes run: the miner's
// search, the checks of consensus, and the pool of waiting messages on a store on disk.
//
// Run works in a folder of its own inside a data directory, which it locks and always removes: a node that
// runs there is not touched, but it takes its share of the processors, as everything else does that runs.
// Run changes GOMAXPROCS while it searches and sets it back, so it is for a process that does nothing else.
//
// Rates are per second, and means over the time of a part. A short run is right about the order of
// magnitude only; on a busy machine so is a long one, and ProcessorShare tells that it was busy.
package bench
