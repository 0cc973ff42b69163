package simtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"p2pchain/core"
	"p2pchain/core/coretest"
	"p2pchain/p2p/exchange"
	"p2pchain/p2p/p2ptest"
	"p2pchain/p2p/syncer"
)

// checkTimeout bounds the walk through one store.
const checkTimeout = time.Minute

// A simulation is a simulated network with the nodes that run on it.
type simulation struct {
	*p2ptest.SimNet
	t      testing.TB
	warned journal // of all nodes, at level Warn and above

	mu    sync.Mutex // guards nodes
	nodes []*simNode
}

// simulate returns a network without nodes that runs until the test ends; see p2ptest.Sim.
func simulate(t testing.TB, seed uint64, links p2ptest.Links) *simulation {
	t.Helper()
	return &simulation{SimNet: p2ptest.Sim(t, seed, links), t: t}
}

// Partition is that of p2ptest.SimNet, for nodes.
func (s *simulation) Partition(groups ...[]*simNode) {
	seats := make([][]int, len(groups))
	for i, group := range groups {
		for _, n := range group {
			seats[i] = append(seats[i], n.Index)
		}
	}
	s.SimNet.Partition(seats...)
}

// Nodes returns all nodes in the order in which they were started.
func (s *simulation) Nodes() []*simNode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nodes)
}

// Accepted returns the ids of all messages that nodes accepted from their users.
func (s *simulation) Accepted() (ids []core.Hash) {
	for _, n := range s.Nodes() {
		n.mu.Lock()
		for id := range n.said {
			ids = append(ids, id)
		}
		n.mu.Unlock()
	}
	return ids
}

// Agree reports whether all nodes are up and have one tip.
func (s *simulation) Agree() bool {
	nodes := s.Nodes()
	for _, n := range nodes {
		if !n.Up() || n.Chain.Tip().Hash != nodes[0].Chain.Tip().Hash {
			return false
		}
	}
	return true
}

// Warnings returns what the nodes logged at level Warn and above that holds the text.
func (s *simulation) Warnings(text string) []string { return s.warned.lines(text) }

// NobodyAccused fails the test where a node took another for one that breaks rules. Among honest nodes
// nothing that a network or a power cut does may look like that; one that stalls is another matter.
func (s *simulation) NobodyAccused() {
	s.t.Helper()
	for _, line := range s.Warnings(misbehaved) {
		if !strings.Contains(line, syncer.ErrStalled.Error()) {
			s.t.Errorf("an honest node was accused: %s", line)
		}
	}
}

// misbehaved is what package p2p logs of a peer that it lets go.
const misbehaved = "peer misbehaved, closing"

// Known returns how many of the messages a node knows: they wait there or are sealed.
func (n *simNode) Known(ids []core.Hash) (count int) {
	for _, id := range ids {
		if n.Pool.Known(id) {
			count++
		}
	}
	return count
}

// Sealed returns how many of the messages are on a node's best chain.
func (n *simNode) Sealed(ids []core.Hash) (count int) {
	for _, id := range ids {
		if _, err := n.Store.Sealed(id); err == nil {
			count++
		}
	}
	return count
}

// CheckStores walks every invariant of every node's store, messages and hashes included.
func (s *simulation) CheckStores() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	for _, n := range s.Nodes() {
		report, err := n.Store.Check(ctx, true)
		if err != nil {
			s.t.Errorf("checking the store of node %d: %v", n.Index, err)
		}
		for _, problem := range report.Problems {
			s.t.Errorf("store of node %d: %v", n.Index, problem)
		}
	}
}

// A journal is the log of a node, or of many, the first lines of it.
type journal struct {
	mu   sync.Mutex // guards what is kept
	kept []string
}

// maxLines bounds what is kept of a run in which everything goes wrong.
const maxLines = 10000

// Write implements io.Writer for a slog handler, which writes line by line.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.kept) < maxLines {
		j.kept = append(j.kept, strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// lines returns the lines that hold a text.
func (j *journal) lines(text string) (found []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.kept {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// TestSimCrash holds that a node keeps what it promised over a power cut, finds its peer again, and
// that nothing of it is heard in between.
func TestSimCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, 3, p2ptest.Links{Latency: 20 * time.Millisecond})
		n := coretest.Network(t)
		a := s.Start(n, config{})
		b := s.Start(n, config{Dials: []int{0}})
		meet := func() {
			s.Within(30*time.Second, "connected", func() bool { return len(a.P2P.Peers()) == 1 && len(b.P2P.Peers()) == 1 })
		}
		meet()
		a.Crash()
		time.Sleep(time.Second)
		if len(b.P2P.Peers()) != 1 {
			t.Error("a node without power said goodbye")
		}
		if a.Say(coretest.Message(t, n, coretest.Key(0), "too late")) != 0 {
			t.Error("a node that is down accepted a message")
		}
		a.Restart()
		meet()
		for i := range 20 {
			if a.Say(coretest.Message(t, n, coretest.Key(0), fmt.Sprint(i))) != 1 {
				t.Fatalf("message %d is not accepted", i)
			}
		}
		a.Crash()
		a.Restart()
		if ids := s.Accepted(); len(ids) != 20 || a.Known(ids) != 20 {
			t.Errorf("%d of %d accepted messages survived, want 20", a.Known(ids), len(ids))
		}
		s.Within(30*time.Second, "everywhere", func() bool { return b.Known(s.Accepted()) == 20 })
		s.CheckStores()
		if c := s.Counts(); c.Crashes != 2 || c.Restarts != 2 || c.Dead == 0 {
			t.Errorf("%d crashes, %d restarts, %d packets of nobody", c.Crashes, c.Restarts, c.Dead)
		}
	})
}

// TestSimAccused holds that a node which lets another go for a broken rule is noticed.
func TestSimAccused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := simulate(t, 1, p2ptest.Links{Latency: 20 * time.Millisecond})
		s.Start(coretest.Network(t), config{Dials: []int{1}})
		h := s.Host()
		h.SetStreamHandler(exchange.HelloProtocol, func(st network.Stream) {
			st.Write([]byte{1, 0xff}) // a frame of one byte, which is no protobuf
			st.Close()
		})
		s.Within(10*time.Second, "accused", func() bool { return len(s.Warnings(misbehaved)) > 0 })
	})
}
