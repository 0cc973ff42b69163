//go:build race

package consensus

// slowdown divides the number of random cases.
const slowdown = 50
