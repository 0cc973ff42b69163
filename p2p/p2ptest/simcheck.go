package p2ptest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"p2pchain/core"
	"p2pchain/p2p/syncer"
)

// checkTimeout bounds the walk through one store.
const checkTimeout = time.Minute

// Nodes returns all nodes in the order in which they were started.
func (s *SimNet) Nodes() []*SimNode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nodes)
}

// Accepted returns the ids of all messages that nodes accepted from their users.
func (s *SimNet) Accepted() (ids []core.Hash) {
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
func (s *SimNet) Agree() bool {
	nodes := s.Nodes()
	for _, n := range nodes {
		if !n.Up() || n.Chain.Tip().Hash != nodes[0].Chain.Tip().Hash {
			return false
		}
	}
	return true
}

// Warnings are log lines of level Warn and above, the first of them.
type warnings struct {
	mu    sync.Mutex
	lines []string
}

// maxWarnings bounds what is kept of a run in which everything goes wrong.
const maxWarnings = 10000

// Write implements io.Writer for a slog handler, which writes line by line.
func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.lines) < maxWarnings {
		w.lines = append(w.lines, strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// Warnings returns what the nodes logged at level Warn and above that holds the text, the first
// 10,000 lines in all.
func (s *SimNet) Warnings(text string) (found []string) {
	s.warnings.mu.Lock()
	defer s.warnings.mu.Unlock()
	for _, line := range s.warnings.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// NobodyAccused fails the test where a node took another for one that breaks rules. Among honest nodes
// nothing that a network or a power cut does may look like that; one that stalls is another matter.
func (s *SimNet) NobodyAccused() {
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
func (n *SimNode) Known(ids []core.Hash) (count int) {
	for _, id := range ids {
		if n.Pool.Known(id) {
			count++
		}
	}
	return count
}

// Sealed returns how many of the messages are on a node's best chain.
func (n *SimNode) Sealed(ids []core.Hash) (count int) {
	for _, id := range ids {
		if _, err := n.Store.Sealed(id); err == nil {
			count++
		}
	}
	return count
}

// CheckStores walks every invariant of every node's store, messages and hashes included.
func (s *SimNet) CheckStores() {
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
