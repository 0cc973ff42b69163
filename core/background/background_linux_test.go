package background

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain is where a test still runs on the main thread, which must keep its priority.
func TestMain(m *testing.M) {
	if err := callFromMainThread(); err != nil {
		fmt.Println("FAIL:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func callFromMainThread() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if syscall.Gettid() != syscall.Getpid() {
		return errors.New("the test does not start on the main thread any more")
	}
	var raw int
	var err error
	Call(Lowest, slog.New(slog.DiscardHandler), func() {
		raw, err = syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Getpid())
	})
	if err != nil || raw == 20-Lowest {
		return fmt.Errorf("the main thread works: priority %d (%v)", raw, err)
	}
	return nil
}

// TestCall holds that a thread in the background gives way, and that no other thread does.
func TestCall(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := niceness(t)
	ended := make(chan int)
	for range 20 {
		go Call(Lowest, slog.New(slog.DiscardHandler), func() { ended <- niceness(t) })
		if got := <-ended; got != Lowest {
			t.Errorf("the thread has niceness %d", got)
		}
	}
	for range 100 { // many of these run on new threads
		go func() { runtime.LockOSThread(); ended <- niceness(t) }()
		if got := <-ended; got != before {
			t.Fatalf("another thread has niceness %d, want %d", got, before)
		}
	}
	if got := niceness(t); got != before {
		t.Errorf("the caller's thread has niceness %d, want %d", got, before)
	}
	if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Getpid()); err != nil || 20-raw != before {
		t.Errorf("the main thread has niceness %d (%v), want %d", 20-raw, err, before)
	}
}

// TestSlice holds that a thread in the background runs for a short time only, where the kernel knows that.
func TestSlice(t *testing.T) {
	given := make(chan uint64)
	go Call(Lowest, slog.New(slog.DiscardHandler), func() {
		attr, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Error(err)
			attr = new(unix.SchedAttr)
		}
		given <- attr.Runtime
	})
	switch got := time.Duration(<-given); got {
	case 0:
		t.Skip("this kernel has no slices of a thread's own")
	case slice:
	default:
		t.Errorf("the thread runs for %v at a time, want %v", got, slice)
	}
}

func niceness(t *testing.T) int {
	raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, syscall.Gettid())
	if err != nil {
		t.Error(err)
	}
	return 20 - raw // as the system call gives it
}
