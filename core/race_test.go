//go:build race

package core_test

// slowdown divides the number of random cases.
const slowdown = 50
