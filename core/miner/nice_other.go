//go:build !linux

package miner

import (
	"log/slog"
	"runtime"
)

// stepBack locks the goroutine to its OS thread. Only Linux has a priority for a single thread that
// needs no privilege.
func stepBack(*slog.Logger) { runtime.LockOSThread() }
