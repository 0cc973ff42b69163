//go:build unix

package bench

import (
	"fmt"
	"syscall"
	"time"
)

// ProcessTime returns the processor time that this process has used so far, by all its threads together.
func ProcessTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("asking for the processor time: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
