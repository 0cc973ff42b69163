package miner

import (
	"log/slog"
	"runtime"
	"syscall"
)

// lowestPriority is that of nice(1).
const lowestPriority = 19

// inBackground calls f on an OS thread of its own with the lowest priority. The thread ends with f,
// by never being unlocked, since raising the priority again is not allowed to everybody.
//
// The main thread cannot end, and its priority is what ps and top show for the process: where the
// runtime gives us that one, it waits here while another thread does the work.
func inBackground(log *slog.Logger, f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			inBackground(log, f)
		}()
		<-done
		return
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), lowestPriority); err != nil {
		log.Warn("search thread keeps its priority", "err", err)
	}
	f()
}
