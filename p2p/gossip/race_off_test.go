//go:build !race

package gossip_test

// underRace says that everything takes many times longer.
const underRace = false
