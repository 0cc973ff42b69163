package p2ptest

import (
	"context"
	"slices"
	"time"

	"p2pchain/core"
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
