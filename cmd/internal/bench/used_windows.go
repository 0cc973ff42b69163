package bench

import (
	"fmt"
	"syscall"
	"time"
)

// ProcessTime returns the processor time that this process has used so far, by all its threads together.
func ProcessTime() (time.Duration, error) {
	process, err := syscall.GetCurrentProcess()
	var created, ended, kernel, user syscall.Filetime
	if err == nil {
		err = syscall.GetProcessTimes(process, &created, &ended, &kernel, &user)
	}
	if err != nil {
		return 0, fmt.Errorf("asking for the processor time: %w", err)
	}
	units := func(t syscall.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }
	return time.Duration(units(kernel)+units(user)) * 100, nil // of 100 ns each
}
