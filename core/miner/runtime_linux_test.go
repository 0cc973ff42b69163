package miner_test

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
)

// TestSearchThreadsAreNice holds that exactly the search threads have the lowest priority.
func TestSearchThreadsAreNice(t *testing.T) {
	if own, err := syscall.Getpriority(syscall.PRIO_PROCESS, os.Getpid()); err != nil || own == 1 {
		t.Skipf("all threads of this process are nice already (%v)", err)
	}
	for niceThreads(t) > 0 { // those of earlier tests may still be on their way out
		runtime.Gosched()
	}
	procs := runtime.GOMAXPROCS(0)
	m := mineOnAllCores(t)
	for m.Status().HashRate == 0 { // the time limit of the test run ends this
		runtime.Gosched()
	}
	if got := niceThreads(t); got < 1 || got > procs {
		t.Errorf("%d threads of niceness 19, want 1 to %d", got, procs)
	}
}

func niceThreads(t *testing.T) (count int) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, tid); err == nil && raw == 1 { // 20 − niceness
			count++
		}
	}
	return count
}
