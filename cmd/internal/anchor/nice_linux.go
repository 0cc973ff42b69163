package anchor

import (
	"runtime"
	"syscall"
)

// inBackground calls f on an OS thread of its own with the lowest priority for processor and disk. The
// thread ends with f, by never being unlocked, since not everybody may raise the priority again. The
// main thread cannot end: where the runtime gives us that one, it waits while another does the work.
func inBackground(f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			inBackground(f)
		}()
		<-done
		return
	}
	const lowest, ofThread, bestEffort = 19, 1, 2<<13 | 7
	// Where the system refuses, the work is done at the usual priority.
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), lowest)
	_, _, _ = syscall.Syscall(syscall.SYS_IOPRIO_SET, ofThread, uintptr(syscall.Gettid()), bestEffort)
	f()
}
