//go:build race

package proof

// raceDetector says that everything is about ten times slower.
const raceDetector = true
