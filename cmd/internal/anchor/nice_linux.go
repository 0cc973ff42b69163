package anchor

import "syscall"

// lowDiskPriority has the thread that calls it wait for all others at the disk. Where the system refuses, the
// work is done at the usual priority.
func lowDiskPriority() {
	const ofThread, bestEffort = 1, 2<<13 | 7
	_, _, _ = syscall.Syscall(syscall.SYS_IOPRIO_SET, ofThread, uintptr(syscall.Gettid()), bestEffort)
}
