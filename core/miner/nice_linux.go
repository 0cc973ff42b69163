package miner

import (
	"log/slog"
	"runtime"
	"syscall"
)

// lowestPriority is that of nice(1).
const lowestPriority = 19

// stepBack locks the goroutine to its OS thread and gives that the lowest priority. The goroutine
// must end without unlocking, so that the thread ends, too: raising the priority again is not
// allowed to everybody.
func stepBack(log *slog.Logger) {
	runtime.LockOSThread()
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, syscall.Gettid(), lowestPriority); err != nil {
		log.Warn("miner keeps its priority", "err", err)
	}
}
