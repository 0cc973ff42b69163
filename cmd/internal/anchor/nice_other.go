//go:build !linux

package anchor

// inBackground calls f; here the priority stays.
func inBackground(f func()) { f() }
