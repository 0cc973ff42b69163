// Package background runs what takes long and may wait on OS threads that give way to all others.
//
// Go has no priorities: whoever keeps its processors busy makes the rest wait. A goroutine that is locked
// to a thread of low priority still holds one of Go's processors while the kernel lets others go first,
// so GOMAXPROCS should count it on top: see Procs.
package background

// Lowest is the niceness of what should only use what nobody else wants: that of nice(1).
const Lowest = 19

// Procs returns what GOMAXPROCS should be where it would be procs without threads in the background: each
// that searches proofs of work counts, and all that make and send large answers count as one.
func Procs(procs, searching int) int { return procs + searching + 1 }
