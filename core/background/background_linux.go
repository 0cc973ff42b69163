package background

import (
	"log/slog"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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
	if err := giveWay(niceness); err != nil {
		log.Warn("a thread keeps its priority", "err", err)
	}
	f()
}

// slice is how long a thread in the background runs before the kernel looks whether another one should.
// Left to itself a kernel lets it finish a slice of 3 ms, however nice it is, before one that has just
// been woken runs. It is the shortest that can be asked for.
const slice = 100 * time.Microsecond

// giveWay lets the calling thread give way to others. Kernels older than 6.12 know the niceness and ignore
// the slice; where sched_setattr(2) is forbidden, as some containers do, niceness alone must do.
func giveWay(niceness int) error {
	err := unix.SchedSetAttr(0, &unix.SchedAttr{
		Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(niceness), Runtime: uint64(slice),
	}, 0)
	if err == nil {
		return nil
	}
	return syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), niceness)
}
