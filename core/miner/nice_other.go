//go:build !linux

package miner

import (
	"log/slog"
	"runtime"
)

// inBackground calls f on an OS thread of its own. Only Linux has a priority for a single thread
// that needs no privilege.
func inBackground(_ *slog.Logger, f func()) {
	runtime.LockOSThread()
	f()
}
