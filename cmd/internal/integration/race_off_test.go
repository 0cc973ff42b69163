//go:build !race

package integration

// loadPart is the part of TestLoad that is run: the race detector makes everything many times slower.
const loadPart = 1
