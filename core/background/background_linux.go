package background

import (
	"log/slog"
	"runtime"
	"syscall"
)

// Call calls f on an OS thread of its own, of a niceness from 0 to Lowest, and returns when f has. It must be
// the last thing that its goroutine does: the thread ends with the goroutine, by never being unlocked,
// since raising the priority again is not allowed to everybody.
//
// The main thread cannot end, and its priority is what ps and top show for the process: where the
// runtime gives us that one, it waits here while another thread does the work.
func Call(niceness int, log *slog.Logger, f func()) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			Call(niceness, log, f)
		}()
		<-done
		return
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness); err != nil {
		log.Warn("a thread keeps its priority", "err", err)
	}
	f()
}
