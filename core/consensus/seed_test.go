package consensus

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var seedFlag = flag.Uint64("seed", 0, "repeat a random test with the seed that it printed")

// random returns another source in every run and prints its seed.
func random(t testing.TB) *rand.Rand {
	t.Helper()
	return seeded(t, uint64(time.Now().UnixNano()))
}

// seeded returns a source with this seed unless the flag names another.
func seeded(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	if *seedFlag != 0 {
		seed = *seedFlag
	}
	t.Logf("repeat with -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
