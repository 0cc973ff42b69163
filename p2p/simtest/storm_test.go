package simtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/core/coretest/random"
	"p2pchain/p2p/p2ptest"
)

// TestStorm lets nine nodes write and mine while packets get lost, doubled and overtaken, the network
// is cut into parts and nodes lose their power. Then all is well again, and they must come to one tip
// that holds every message which any of them accepted.
func TestStorm(t *testing.T) {
	const nodes = 9
	rounds := size(3, 25)
	start := random.Seed(t)
	synctest.Test(t, func(t *testing.T) {
		calm := p2ptest.Links{Latency: 20 * time.Millisecond, Spread: 80 * time.Millisecond, BitsPerSecond: 20_000_000}
		rough := calm
		rough.Loss, rough.Duplicate, rough.Reorder, rough.Jitter = 0.05, 0.03, 0.05, 10*time.Millisecond
		s := simulate(t, start, rough)
		n := coretest.Network(t, func(p *core.Params) { p.BlockIntervalMS, p.Difficulty = 2000, 2 })
		w := &weather{s: s, random: s.Random(0)}
		for i, others := range randomDials(w.random, nodes, 3) {
			w.nodes = append(w.nodes, s.Start(n, config{Dials: others, TriesPerSecond: 20}))
			w.write(t, i)
		}
		time.Sleep(10 * time.Second)
		// A round has six reorgs on average, but one in ten has none: three of them rarely had three together.
		for i := 0; i < rounds || i < 5*rounds && w.reorgs(t) < rounds; i++ {
			w.round()
		}
		w.quiet()
		s.SetLinks(calm)
		accepted := s.Accepted()
		began := s.Elapsed()
		took, _ := s.Wait(5*time.Minute, func() bool { return s.Agree() && w.nodes[0].Sealed(accepted) == len(accepted) })
		reorgs, tip := w.reorgs(t), w.nodes[0].Chain.Tip()
		for i, node := range w.nodes {
			if sealed, at := node.Sealed(accepted), node.Chain.Tip(); sealed != len(accepted) || at.Hash != tip.Hash {
				t.Errorf("node %d has %d of %d accepted messages sealed and knows %d; its tip is %v at height %d, with %d peers",
					i, sealed, len(accepted), node.Known(accepted), at.Hash, at.Header.Height, len(node.P2P.Peers()))
			}
		}
		t.Logf("%v of storm, %v until all agree: height %d, %d reorgs, %d messages accepted; %v",
			began, took, tip.Header.Height, reorgs, len(accepted), s.Counts())
		s.NobodyAccused()
		s.CheckStores()
		s.Happened(rounds, "partitions", "crashes", "restarts")
		s.Happened(100*rounds, "lost", "duplicated", "reordered", "cut")
		s.Happened(10*rounds, "dead")
		if reorgs < rounds || len(accepted) < 10*rounds {
			t.Errorf("the run is void: %d reorgs, %d messages accepted", reorgs, len(accepted))
		}
	})
}

// A weather makes trouble for nodes, as its random numbers say.
type weather struct {
	s       *simulation
	random  *rand.Rand
	nodes   []*simNode
	stop    []chan struct{}
	writers sync.WaitGroup
}

// reorgs returns how many there were so far, at all nodes.
func (w *weather) reorgs(t *testing.T) (count int) {
	t.Helper()
	for _, node := range w.nodes {
		records, err := node.Store.Reorgs(1000)
		if err != nil {
			t.Error(err)
		}
		count += len(records)
	}
	return count
}

// write has a user write to a node about once a second.
func (w *weather) write(t *testing.T, i int) {
	node, random, stop := w.nodes[i], w.s.Random(uint64(1000+i)), make(chan struct{})
	w.stop = append(w.stop, stop)
	w.writers.Go(func() {
		for k := 0; ; k++ {
			node.Say(coretest.Message(t, node.Network, coretest.Key(i), fmt.Sprintf("node %d, message %d", i, k)))
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(200+random.IntN(1600)) * time.Millisecond):
			}
		}
	})
}

// round cuts the network in two or three, with some nodes alone, which crash after a while: what they
// accepted then, nobody else has. Now and then all crash at once. It ends with one network.
func (w *weather) round() {
	victims := w.random.Perm(len(w.nodes))[:1+w.random.IntN(2)]
	if w.random.IntN(5) == 0 {
		victims = w.random.Perm(len(w.nodes))
	}
	parts := 2 + w.random.IntN(2)
	groups := make([][]*simNode, parts)
	for i, node := range w.nodes {
		if slices.Contains(victims, i) {
			groups = append(groups, []*simNode{node})
			continue
		}
		g := w.random.IntN(parts)
		groups[g] = append(groups[g], node)
	}
	w.s.Partition(groups...)
	w.pause(4 * time.Second)
	for _, i := range victims {
		w.nodes[i].Crash()
	}
	w.pause(5 * time.Second)
	if w.random.IntN(2) == 0 {
		w.s.Heal() // before the nodes are back
	}
	for _, i := range victims {
		w.nodes[i].Restart()
		w.pause(2 * time.Second)
	}
	w.s.Heal()
	w.pause(6 * time.Second)
}

// pause waits for half of a time to all of it.
func (w *weather) pause(most time.Duration) {
	time.Sleep(most/2 + time.Duration(w.random.Int64N(int64(most/2))))
}

// quiet ends the writing.
func (w *weather) quiet() {
	for _, stop := range w.stop {
		close(stop)
	}
	w.writers.Wait()
}
