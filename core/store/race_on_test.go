//go:build race

package store

// raceDetector says that everything is about ten times slower: Pebble checks its own invariants too.
const raceDetector = true
