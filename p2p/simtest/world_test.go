package simtest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"p2pchain/core"
	"p2pchain/core/coretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// size returns a number for `go test`, and the one of the figures where P2PCHAIN_LONG is set.
func size(short, long int) int {
	if os.Getenv("P2PCHAIN_LONG") != "" {
		return long
	}
	return short
}

// randomDials returns for each of count nodes whom it dials: the one before it, so that nobody is
// left alone, and others at random.
func randomDials(random *rand.Rand, count, each int) [][]int {
	dials := make([][]int, count)
	for i := 1; i < count; i++ {
		dials[i] = []int{i - 1}
	}
	for i := range dials {
		for len(dials[i]) < min(each, count-1) {
			j := random.IntN(count)
			if j != i && !slices.Contains(dials[i], j) && !slices.Contains(dials[j], i) {
				dials[i] = append(dials[i], j)
			} else if random.IntN(100) == 0 {
				break // in a small network everybody may know everybody
			}
		}
	}
	return dials
}

// neighbours returns how many peers each node has where all dials succeed.
func neighbours(dials [][]int) []int {
	known := make([]map[int]bool, len(dials))
	for i := range known {
		known[i] = make(map[int]bool)
	}
	for i, others := range dials {
		for _, j := range others {
			known[i][j], known[j][i] = true, true
		}
	}
	counts := make([]int, len(dials))
	for i := range known {
		counts[i] = len(known[i])
	}
	return counts
}

// A watch notes how long messages take until they wait at nodes other than their author's.
type watch struct {
	mu   sync.Mutex // guards what is below
	said map[core.Hash]saying
	took []time.Duration
}

// A saying is when and where a message was written.
type saying struct {
	at   time.Time
	node int
}

// watchPools watches until the test ends.
func watchPools(t *testing.T, nodes []*simNode) *watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{said: make(map[core.Hash]saying)}
	var running sync.WaitGroup
	for _, n := range nodes {
		running.Go(func() { w.follow(ctx, t, n) })
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

// follow pulls what is new from one pool.
func (w *watch) follow(ctx context.Context, t *testing.T, n *simNode) {
	changed, stop := n.Pool.Subscribe()
	defer stop()
	after := uint64(0)
	for {
		page, err := n.Pool.List(after, 1000)
		if err != nil {
			t.Errorf("node %d: %v", n.Index, err)
			return
		}
		for _, m := range page {
			after = m.Seq
			w.note(n.Index, m.ID)
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (w *watch) note(node int, id core.Hash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if from := w.said[id]; from.node != node {
		w.took = append(w.took, time.Since(from.at))
	}
}

// say lets a user of a node write a message.
func (w *watch) say(t *testing.T, n *simNode, text string) {
	t.Helper()
	m := coretest.Message(t, n.Network, coretest.Key(n.Index), text)
	w.mu.Lock()
	w.said[m.ID] = saying{time.Now(), n.Index}
	w.mu.Unlock()
	if n.Say(m) != 1 {
		t.Fatalf("node %d does not accept %q", n.Index, text)
	}
}

// count returns how many deliveries there were.
func (w *watch) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.took)
}

// times returns how long the deliveries took, the shortest first.
func (w *watch) times() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(slices.Values(w.took))
}

// quantile returns the value below which a share of sorted values lies.
func quantile[T cmp.Ordered](sorted []T, share float64) T {
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// tips notes when each node first has a block.
func tips(t *testing.T, nodes []*simNode, hash core.Hash) func() map[int]time.Time {
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var running sync.WaitGroup
	at := make(map[int]time.Time)
	for _, n := range nodes {
		changed, stop := n.Chain.Subscribe()
		running.Go(func() {
			defer stop()
			for {
				if n.Chain.Tip().Hash == hash {
					mu.Lock()
					at[n.Index] = time.Now()
					mu.Unlock()
					return
				}
				select {
				case <-ctx.Done():
					return
				case <-changed:
				}
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	return func() map[int]time.Time {
		mu.Lock()
		defer mu.Unlock()
		out := make(map[int]time.Time, len(at))
		for i, when := range at {
			out[i] = when
		}
		return out
	}
}

func text(kind string, i int) string { return fmt.Sprintf("%s %d", kind, i) }
