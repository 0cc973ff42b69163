//go:build unix

package anchor

import (
	"fmt"
	"io/fs"
	"syscall"
)

// noBlock keeps an open from waiting for who writes into a pipe.
const noBlock = syscall.O_NONBLOCK

// nameOf returns what a file keeps when it is renamed; the next one may get it when it is gone.
func nameOf(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d", stat.Dev, stat.Ino)
}
