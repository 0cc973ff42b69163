//go:build !linux

package doctor

func holdLock(string) {} // TestLockHolder is for Linux
