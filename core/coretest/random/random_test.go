package random_test

import (
	"slices"
	"strings"
	"testing"

	"p2pchain/core/coretest/random"
)

// draws returns the first choices of a test.
func draws(t *testing.T) []uint64 {
	t.Helper()
	r := random.Source(t)
	return []uint64{r.Uint64(), r.Uint64()}
}

func TestByName(t *testing.T) {
	t.Setenv(random.Variable, "")
	here := draws(t)
	if again := draws(t); !slices.Equal(here, again) {
		t.Errorf("%d, then %d: the choices of a test change", here, again)
	}
	// Whatever builds or runs it: the same on every machine.
	if got := random.Seed(t); got != 409550552322054319 {
		t.Errorf("the seed of this name is %d", got)
	}
	t.Run("of another name", func(t *testing.T) {
		if there := draws(t); slices.Equal(here, there) {
			t.Errorf("two tests choose the same, %d", here)
		}
	})
}

func TestNumber(t *testing.T) {
	t.Setenv(random.Variable, "7")
	if got := random.Seed(t); got != 7 {
		t.Errorf("seed %d, want 7", got)
	}
	here := draws(t)
	t.Run("elsewhere", func(t *testing.T) {
		if there := draws(t); !slices.Equal(here, there) {
			t.Errorf("%d, want %d, which these were to repeat", there, here)
		}
	})
}

func TestNew(t *testing.T) {
	t.Setenv(random.Variable, "new")
	if a, b := random.Seed(t), random.Seed(t); a == b {
		t.Errorf("%d twice: that is no new seed", a)
	}
}

// A failing is a test that notes how it failed.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, args ...any) { f.said = format }

func TestNonsense(t *testing.T) {
	for _, value := range []string{"newer", "-1", "18446744073709551616", " 7"} {
		t.Setenv(random.Variable, value)
		f := &failing{TB: t}
		random.Seed(f)
		if !strings.Contains(f.said, "neither a number nor new") {
			t.Errorf("%q passes for a seed", value)
		}
	}
}
