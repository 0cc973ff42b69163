//go:build !linux

package background

import (
	"log/slog"
	"runtime"
)

// Call calls f on an OS thread of its own. Only Linux has a priority for a single thread that needs no
// privilege.
func Call(_ int, _ *slog.Logger, f func()) {
	runtime.LockOSThread()
	f()
}
