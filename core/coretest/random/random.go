// Package random gives tests their random choices.
//
// Without more, the choices of a test follow from its name: an unchanged tree draws the same cases
// wherever it is tested, and a red check is the change's doing. Who looks for new cases sets P2PCHAIN_SEED
// to "new", as the long runs do (make soak, chaos, race-all), and who repeats one sets it to the number that
// the run printed.
//
// A test asks once. One that needs several sources, or the same choices twice, takes its Seed and makes
// rand.NewPCG(seed, 1) and so on of it.
package random

import (
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Variable names the environment variable that decides about seeds: a number, "new", or nothing.
const Variable = "P2PCHAIN_SEED"

// Seed returns the seed of t's random choices, and puts into t's log how to repeat them; where seeds are new,
// every call returns another one. It fails t where the variable holds something else.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed, err := parse(os.Getenv(Variable), t.Name())
	if err != nil {
		t.Fatalf("%s: neither a number nor new: %v", Variable, err)
	}
	t.Logf("repeat with %s=%d", Variable, seed)
	return seed
}

// Source returns a source of t's random choices, made of its Seed.
func Source(t testing.TB) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(Seed(t), 0))
}

func parse(value, test string) (uint64, error) {
	switch value {
	case "":
		sum := fnv.New64a()
		sum.Write([]byte(test))
		return sum.Sum64(), nil
	case "new":
		return rand.Uint64(), nil
	}
	return strconv.ParseUint(value, 10, 64)
}
