//go:build !linux

package anchor

// lowDiskPriority does nothing where a thread has no priority of its own.
func lowDiskPriority() {}
