package node

import (
	"errors"
	"syscall"
)

// isTakenHere knows Windows' own numbers for a port that is in use or reserved.
func isTakenHere(err error) bool {
	const wsaeacces, wsaeaddrinuse = syscall.Errno(10013), syscall.Errno(10048)
	return errors.Is(err, wsaeaddrinuse) || errors.Is(err, wsaeacces)
}
