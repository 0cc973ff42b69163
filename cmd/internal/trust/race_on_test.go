//go:build race

package main

// underRace: the detector makes the simulations ten times slower, and there is nothing for it to find.
const underRace = true
