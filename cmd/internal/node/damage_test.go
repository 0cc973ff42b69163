package node

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/core/store"
)

var damageCases = flag.Int("damage", 50, "how many stores to damage; 500 in a long run")

// TestDamage damages stores at random: flipped bits, zeroed pages, files that are cut off, swapped or
// gone, in stores of nodes that stopped and of nodes that were killed. No wrong byte may ever be served,
// a deep check must find all damage in live data, and a repair with the help of a healthy peer must bring
// nearly all of them back to what they were; the rest must say so.
func TestDamage(t *testing.T) {
	coretest.Sequential(t) // and what a log has not yet proven at its end is longer where writes are slower
	seed := random.Seed(t)
	truth := newTruth(t)
	var tally damageTally
	cases := make(chan int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := range cases {
				runDamage(t, truth, rand.New(rand.NewPCG(seed, uint64(i))), i, &tally)
			}
		})
	}
	for i := range *damageCases {
		cases <- i
	}
	close(cases)
	workers.Wait()
	tally.report(t, *damageCases)
}

// A damageTally counts what came of all cases.
type damageTally struct {
	mu                                       sync.Mutex
	live, dead, logEnd                       int // where the damage hit
	found, repaired, refused                 int
	waiting, waitingLost, blocks, blocksLost int // without the help of a peer
	slowest                                  time.Duration
	kinds                                    map[string]int
}

func (c *damageTally) add(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *damageTally) report(t *testing.T, cases int) {
	t.Logf("%d cases: %d hit live data, %d the end of a log, %d nothing that is read; of the live ones %d found, %d repaired, %d refused; slowest repair %v",
		cases, c.live, c.logEnd, c.dead, c.found, c.repaired, c.refused, c.slowest.Round(time.Millisecond))
	t.Logf("salvaged without a peer: %d of %d blocks, %d of %d waiting messages; %v",
		c.blocks-c.blocksLost, c.blocks, c.waiting-c.waitingLost, c.waiting, c.kinds)
	// Three of four cases do; of 50, fewer than 20 are one run of 10⁸.
	if cases >= 50 && c.live < cases*4/10 {
		t.Errorf("only %d of %d cases hit live data", c.live, cases)
	}
	if c.found != c.live {
		t.Errorf("%d of %d cases of damage were not found", c.live-c.found, c.live)
	}
	if c.repaired*100 < c.live*99 || c.repaired+c.refused != c.live {
		t.Errorf("%d of %d were repaired, %d were refused in words", c.repaired, c.live, c.refused)
	}
	if cases >= 50 && len(c.kinds) < kinds {
		t.Errorf("kinds of damage: %v", c.kinds)
	}
}

// runDamage is one case.
func runDamage(t *testing.T, truth *truth, rng *rand.Rand, number int, tally *damageTally) {
	image := truth.images[rng.IntN(len(truth.images))]
	base, err := os.MkdirTemp(truth.fast, "damage-")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(base)
	one, two := filepath.Join(base, "checked"), filepath.Join(base, "served")
	copyTree(t, image.dir, one)
	what := damageStore(t, rng, filepath.Join(one, storeFolder), number%kinds)
	copyTree(t, one, two)
	fail := func(format string, args ...any) {
		t.Errorf("case %d, %s of the %s image: %s", number, what, image.name, fmt.Sprintf(format, args...))
	}
	_, checkErr := Check(t.Context(), truth.config(one), true, false)
	found := errors.Is(checkErr, store.ErrCorrupt)
	if checkErr != nil && !found {
		fail("check ended with %v", checkErr)
		return
	}
	readErr := truth.serve(t, two, fail)
	lost := image.differs(t.Context(), truth, one, found)
	tally.add(func() {
		if tally.kinds == nil {
			tally.kinds = make(map[string]int)
		}
		tally.kinds[what.kind]++
		switch {
		case what.logEnd && !found:
			tally.logEnd++
		case found || readErr != nil || lost:
			tally.live++
		default:
			tally.dead++
		}
	})
	if !found && (what.logEnd || readErr == nil && !lost) {
		return
	}
	if found {
		tally.add(func() { tally.found++ })
	} else {
		fail("deep check found nothing; reading: %v; lost: %v", readErr, lost)
	}
	truth.mend(t, two, image, tally, fail)
}

// mend repairs a damaged directory with the help of a peer and compares the outcome.
func (tr *truth) mend(t *testing.T, dir string, image *image, tally *damageTally, fail func(string, ...any)) {
	begun := time.Now()
	cfg := tr.config(dir)
	checked, err := Check(t.Context(), cfg, true, true)
	if err != nil {
		if strings.Contains(err.Error(), ": ") && (errors.Is(err, store.ErrCorrupt) || errors.Is(err, ErrDirectory) || errors.Is(err, store.ErrNotStore)) {
			tally.add(func() { tally.refused++ })
		}
		fail("repair: %v", err)
		return
	}
	s, err := OpenStopped(t.Context(), cfg)
	if err != nil {
		fail("opening the repaired store: %v", err)
		return
	}
	blocks, _ := s.Tip()
	waiting := tr.countWaiting(s, image)
	err = tr.heal(s)
	if err == nil {
		err = tr.same(s, image)
	}
	if err = errors.Join(err, s.Close()); err == nil {
		_, err = Check(t.Context(), cfg, true, false)
	}
	if err != nil {
		fail("after the repair (%+v): %v", checked.Repaired, err)
		return
	}
	tally.add(func() {
		tally.repaired++
		tally.slowest = max(tally.slowest, time.Since(begun))
		tally.blocks += len(tr.blocks)
		tally.blocksLost += max(0, len(tr.blocks)-int(blocks))
		tally.waiting += len(image.waiting)
		tally.waitingLost += len(image.waiting) - waiting
	})
}

// config is the configuration of a damaged node, which logs nothing.
func (tr *truth) config(dir string) Config {
	cfg := DefaultConfig()
	cfg.Dir, cfg.Network, cfg.ReserveBytes = dir, tr.network, 1
	cfg.Log = slog.New(slog.DiscardHandler)
	return cfg
}

// copyTree copies a data directory, which nobody else may read.
func copyTree(t *testing.T, from, to string) {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, content, 0o600)
	})
	if err != nil {
		t.Error(err)
	}
}

// serve opens a damaged directory as a node does, and reads everything there is: each answer is right or
// an error.
func (tr *truth) serve(t *testing.T, dir string, fail func(string, ...any)) error {
	s, err := OpenStopped(t.Context(), tr.config(dir))
	if err != nil {
		return err
	}
	first := tr.readAll(s, fail)
	if out, err := s.Export(""); err == nil {
		_, exportErr := io.Copy(io.Discard, out)
		first = errors.Join(first, exportErr, out.Close())
	}
	return errors.Join(first, s.Close())
}
