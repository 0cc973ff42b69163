package node

import (
	"fmt"
	"slices"
	"strings"

	"p2pchain/p2p"
)

// A Reach says what a node does to be reached, and for others to be.
type Reach string

// What Config.Reach may be.
const (
	// ReachDirect takes the addresses of this machine as they are, and asks nothing of anybody.
	ReachDirect Reach = "direct"
	// ReachNAT is for a node behind a router: it asks the router to forward its ports, learns from its
	// peers which of its addresses work, and is otherwise reached through relays and punched holes.
	ReachNAT Reach = "nat"
	// ReachRelay is for a node that everybody reaches: it relays for those that are not, and tells
	// them whether they are.
	ReachRelay Reach = "relay"
)

// Reaches lists what Config.Reach may be, the default first.
func Reaches() []Reach { return []Reach{ReachDirect, ReachNAT, ReachRelay} }

// settings turns the word into what the host does.
func (r Reach) settings() p2p.NATConfig {
	switch r {
	case ReachNAT:
		return p2p.NATConfig{PortMap: true, HolePunch: true, AutoNAT: true, RelayClient: true}
	case ReachRelay:
		return p2p.NATConfig{HolePunch: true, AutoNAT: true, RelayService: true}
	}
	return p2p.NATConfig{}
}

// check returns an error without a sentinel, which Validate adds.
func (r Reach) check() error {
	if slices.Contains(Reaches(), r) {
		return nil
	}
	words := make([]string, len(Reaches()))
	for i, known := range Reaches() {
		words[i] = string(known)
	}
	return fmt.Errorf("reach is %q, want %s", r, strings.Join(words, ", "))
}
