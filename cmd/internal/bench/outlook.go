package bench

import (
	"math"

	"p2pchain/core"
)

// maxDifficulty is the largest difficulty of a network.
const maxDifficulty = 16

// Outlook is the difficulty whose blocks would take some threads of this machine, alone, about as long as
// wanted. Difficulties are whole numbers and each is 16 times as hard as the one before it, so what is
// nearest may be four times as much or as little.
type Outlook struct {
	Threads    int     `json:"threads"`
	Wanted     float64 `json:"wanted_seconds"`
	Difficulty int     `json:"difficulty"`
	Expected   float64 `json:"expected_seconds"` // mean time to a block
}

// wantedSeconds are the block times that people ask for.
func wantedSeconds() []float64 { return []float64{10, 60} }

// outlook says what the rates of a search mean.
func outlook(rates []Search) []Outlook {
	all := []Outlook{}
	for _, s := range rates {
		for _, wanted := range wantedSeconds() {
			all = append(all, nearest(s, wanted))
		}
	}
	return all
}

// nearest returns the difficulty whose mean time to a block is nearest to what is wanted, by their ratio.
func nearest(s Search, wanted float64) Outlook {
	best := Outlook{Threads: s.Threads, Wanted: wanted}
	for difficulty := 1; difficulty <= maxDifficulty; difficulty++ {
		work, err := core.DifficultyTarget(difficulty).Work()
		if err != nil {
			break // the target would be below what a chain can have
		}
		expected := work.Float() / s.Hashes
		off := func(seconds float64) float64 { return math.Abs(math.Log(seconds / wanted)) }
		if best.Difficulty == 0 || off(expected) < off(best.Expected) {
			best.Difficulty, best.Expected = difficulty, expected
		}
	}
	return best
}
