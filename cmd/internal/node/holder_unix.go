//go:build unix

package node

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Holder returns the process that has the store of a data directory open, 0 for none. It only asks and
// takes nothing, so that a node that starts at this moment is not disturbed.
func Holder(dir string) int {
	f, err := os.Open(filepath.Join(StoreDir(dir), "LOCK"))
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
