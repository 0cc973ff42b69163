// Package background runs what takes long and may wait on OS threads that give way to all others.
//
// Go has no priorities: whoever keeps its processors busy makes the rest wait. A goroutine that is locked
// to a thread of low priority still holds one of Go's processors while the kernel lets others go first,
// so GOMAXPROCS should count it on top (see core/miner.Procs).
package background

// Lowest is the niceness of what should only use what nobody else wants: that of nice(1).
const Lowest = 19
