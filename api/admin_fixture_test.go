package api_test

import (
	"fmt"
	"sync"

	"p2pchain/api"
)

// Set makes the plain miner one that takes every change and forgets it.
func (fakeMiner) Set(string, int) error { return nil }

// Disconnect lets a peer of the table go.
func (h *fakeHost) Disconnect(id string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if id == "none" {
		return api.ErrAddress
	}
	for i, p := range h.peers {
		if p.ID == id {
			h.peers = append(h.peers[:i:i], h.peers[i+1:]...)
			return nil
		}
	}
	return api.ErrNoPeer
}

// A setMiner remembers what it was set to. It has no more than 256 threads, and cannot mine always.
type setMiner struct {
	mu      sync.Mutex
	mode    string
	threads int
}

func (m *setMiner) Status() api.Mining {
	m.mu.Lock()
	defer m.mu.Unlock()
	return api.Mining{Mode: m.mode, Threads: m.threads}
}

func (m *setMiner) Set(mode string, threads int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case mode == "always":
		return fmt.Errorf("classic: %w", api.ErrMiningHere)
	case mode != "" && mode != "auto" && mode != "off", threads > 256:
		return api.ErrMining
	}
	if mode != "" {
		m.mode = mode
	}
	if threads != 0 {
		m.threads = threads
	}
	return nil
}
