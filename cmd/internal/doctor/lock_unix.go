//go:build unix

package doctor

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockHolder returns the process that has a store open, 0 for none. It only asks and takes nothing, so
// that a node that starts at this moment is not disturbed.
func lockHolder(store string) int {
	f, err := os.Open(filepath.Join(store, "LOCK"))
	if err != nil {
		return 0
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: 0}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil || lock.Type == unix.F_UNLCK {
		return 0
	}
	return max(int(lock.Pid), 1) // of another namespace it is 0
}
